"""What the pages share: the assistant, opened once and after the first paint, and the guides as the index has them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import streamlit as st

from rag.errors import IndexMissing, PrepError
from rag.settings import Settings, load_settings
from ui.render import literal

if TYPE_CHECKING:
    from rag.assistant import Assistant
    from rag.catalogue import Catalogue
    from rag.index import Manifest

RETRY_SECONDS = 3


@st.cache_resource(show_spinner=False)
def opened(settings: Settings) -> "Assistant":
    from rag.assistant import Assistant  # heavy: chromadb, onnxruntime, the model

    return Assistant(settings)


def assistant() -> "Assistant":
    return opened(load_settings())


def manifest() -> "Manifest | None":
    from rag.index import Manifest

    return Manifest.read(load_settings())


def catalogue() -> "Catalogue":
    """The guides of the current generation, without waiting for the model."""
    from rag.catalogue import Catalogue

    current = manifest()
    if current is None:
        raise IndexMissing("Nothing has been ingested yet. Build the index first: python -m ingest")
    try:
        return Catalogue(current.folder(load_settings()) / "catalogue.sqlite")
    except FileNotFoundError as error:
        raise IndexMissing("The index is being replaced. It will be back in a moment.") from error


def html(markup: str, place: Any = st, **options: Any) -> None:
    """Markup of ours on the page; whatever came from elsewhere has been escaped in it by render."""
    place.markdown(markup, unsafe_allow_html=True, anchors=False, **options)


@contextmanager
def told(place: Any = st) -> Iterator[None]:
    """An error that a person can mend is a sentence on the page, and the page looks again by itself."""
    try:
        yield
    except PrepError as error:
        place.error(literal(str(error)), icon=":material/error:")
        place.caption("This page looks again every few seconds and goes on by itself.")
        st.session_state["looking"] = False
        look_again()


@st.fragment(run_every=RETRY_SECONDS)
def look_again() -> None:
    """Draws nothing; runs the whole page again when its time comes, not when it is first drawn."""
    if st.session_state["looking"]:
        st.rerun()
    st.session_state["looking"] = True
