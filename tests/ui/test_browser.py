"""The app in a real browser, as a person meets it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from rag.settings import Settings
from tests.conftest import MODELS

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (apt install chromium)")


@pytest.fixture
def address(ingested: Settings) -> Iterator[str]:
    """A running app over one guide; gone with the test."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PREP_DATA_DIR": str(ingested.data_dir.resolve()), "PREP_MODELS_DIR": str(MODELS)}
    command = [sys.executable, "-m", "streamlit", "run", "ui/app.py", "--server.port", str(port)]
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def wait_for(url: str) -> None:
    for _ in range(150):
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail("the app did not start within half a minute")


@pytest.fixture
def page(address: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.goto(address)
        yield page
        browser.close()


def test_a_person_asks_reads_the_answer_and_opens_its_source_at_phone_width(page: Page) -> None:
    box = page.get_by_role("textbox", name="Your question")
    box.fill("How do I detect train-serve skew?")
    box.press("Enter")
    expect(page.get_by_text("[1]").first).to_be_visible(timeout=60_000)
    source = page.locator("details").first
    source.locator("summary").click()
    expect(source.get_by_text("corpus/debugging/train-serve-skew.md")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "the page scrolls sideways"
