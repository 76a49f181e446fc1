"""A plain page that asks and shows a cited answer."""

import streamlit as st

from rag.errors import PrepError
from rag.settings import load_settings
from rag.types import Answer


@st.cache_resource(show_spinner="Opening the guides …")
def assistant():  # type: ignore[no-untyped-def]
    from rag.assistant import Assistant  # heavy imports stay out of the first paint

    return Assistant(load_settings())


def show(answer: Answer) -> None:
    st.markdown(answer.text)
    for citation in answer.citations:
        with st.expander(f"[{citation.number}] {citation.guide}: {citation.heading}"):
            st.markdown(citation.quote)
            st.caption(citation.place)


st.set_page_config(page_title="Prep RAG", page_icon=":material/menu_book:")
st.title("Prep RAG")
question = st.text_input("Your question", placeholder="How do I debug train-serve skew?")
if question.strip():
    try:
        show(assistant().ask(question))
    except PrepError as error:
        st.error(str(error))
