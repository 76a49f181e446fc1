"""What is served: the pages, and an assistant that is opened as the server starts, so that the first visitor need not wait."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import streamlit as st

from rag.errors import PrepError
from ui import session


def open_assistant() -> None:
    with suppress(PrepError):  # the page says what is wrong
        session.assistant()


@asynccontextmanager
async def opening(_: st.App) -> AsyncIterator[None]:
    timer = threading.Timer(1, open_assistant)  # a browser that waits for the server to start gets its page first
    timer.start()
    yield
    timer.cancel()


app = st.App("frame.py", lifespan=opening)
