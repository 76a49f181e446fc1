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
views = {"Ask": ask, "Library": library, "Quality": quality, "Settings": settings}
pages = [st.Page(view.draw, title=name, url_path=name.lower(), default=view is ask) for name, view in views.items()]
page = st.navigation(pages, position="top")
with session.told():
    page.run()
