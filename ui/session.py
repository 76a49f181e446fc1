"""What the pages share: the assistant, opened once and after the first paint, and the guides as the index has them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import streamlit as st

from rag.errors import IndexMissing, PrepError
from rag.settings import Settings, load_settings
from rag.types import Document
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


@st.cache_resource(show_spinner=False, max_entries=2)
def opened_catalogue(folder: str) -> "Catalogue":
    from pathlib import Path

    from rag.catalogue import Catalogue

    return Catalogue(Path(folder) / "catalogue.sqlite")


def catalogue() -> "Catalogue":
    """The guides of the current generation, without waiting for the model."""
    current = manifest()
    if current is None:
        raise IndexMissing("Nothing has been ingested yet. Build the index first: python -m ingest")
    try:
        return opened_catalogue(str(current.folder(load_settings()).absolute()))
    except FileNotFoundError as error:
        raise IndexMissing("The index is being replaced. It will be back in a moment.") from error


@st.cache_data(show_spinner=False, max_entries=2)
def guides(generation: str) -> list[Document]:
    return [entry.document for entry in catalogue().entries()]


@st.cache_data(show_spinner=False, max_entries=2)
def labels(generation: str) -> dict[str, list[str]]:
    return {name: catalogue().labels(name) for name in ("area", "role", "level")}


def generation() -> str:
    current = manifest()
    return current.generation if current else ""


def html(markup: str, **options: Any) -> None:
    """Markup of ours on the page; whatever came from elsewhere has been escaped in it by render."""
    st.markdown(markup, unsafe_allow_html=True, anchors=False, **options)


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
