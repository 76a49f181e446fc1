"""What every page stands in: the look, and the way to the other pages."""

from pathlib import Path

import streamlit as st

from ui import session
from ui.views import ask, library, quality, settings

HERE = Path(__file__).parent

st.set_page_config(page_title="Prep RAG", page_icon=str(HERE / "logo.svg"), layout="wide")
st.logo(HERE / "logo.svg", size="large")
st.html(HERE / "style.css")
st.html(f"<script>{(HERE / 'script.js').read_text()}</script>", unsafe_allow_javascript=True)
page = st.navigation(
    [
        st.Page(ask.draw, title="Ask", url_path="ask", default=True),
        st.Page(library.draw, title="Library", url_path="library"),
        st.Page(quality.draw, title="Quality", url_path="quality"),
        st.Page(settings.draw, title="Settings", url_path="settings"),
    ],
    position="top",
)
with session.told():
    page.run()
