"""One small project for every test of the app: two guides, one of them hostile; ingested once, served once."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright
from streamlit.testing.v1 import AppTest

from ingest.sync import synchronise
from rag.embed import OnnxEncoder
from rag.settings import Settings
from tests.conftest import MODELS, make_settings

ROOT = Path(__file__).parents[2]
GUIDE = "corpus/debugging/train-serve-skew.md"
HOSTILE = "corpus/debugging/<b>bold<b>.md"
QUESTION = "How do you detect train-serve skew?"
HOSTILE_QUESTION = "What is the zebra coefficient?"
HOSTILE_TEXT = """---
title: Zebra <script>window.hacked = 1</script> coefficients
area: debugging
roles: [mle]
level: core
---

## What is the zebra coefficient?

The zebra coefficient is <img src=x onerror="window.hacked = 2"> a measure of stripes that costs $5 or $6 per zebra.
Zebra coefficients are [explained here](javascript:window.hacked=3) and ![drawn there](http://192.0.2.1/z.png) for :red[everyone].

$$ z = \\frac{s}{w} $$

## Which code computes the zebra coefficient?

The zebra coefficient is computed by dividing stripes by width.

```python
def zebra(stripes, width):
    return "<script>window.hacked = 4</script>", stripes / width
```
"""
CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def fill(folder: Path) -> None:
    """The guides: the first five sections of a real one are enough, and quick to embed."""
    opening, *parts = (ROOT / GUIDE).read_text().split("\n## ")
    for name, text in ((GUIDE, "\n## ".join([opening, *parts[:5]])), (HOSTILE, HOSTILE_TEXT)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / ".streamlit").symlink_to(ROOT / ".streamlit")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, encoder: OnnxEncoder) -> Settings:
    folder = tmp_path_factory.mktemp("project")
    fill(folder)
    settings = make_settings(folder)
    with chdir(folder):
        synchronise(settings, [], encoder=encoder)
    return settings


@pytest.fixture
def app(project: Settings, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The app over the project, without a browser. It reads its settings from the environment."""
    monkeypatch.chdir(project.data_dir.parent)
    monkeypatch.setenv("PREP_DATA_DIR", str(project.data_dir))
    monkeypatch.setenv("PREP_MODELS_DIR", str(MODELS))
    return AppTest.from_file(str(ROOT / "ui" / "frame.py"), default_timeout=60)


@contextmanager
def serving(folder: Path, port: int = 0, environment: Mapping[str, str] = {}) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A running app over a project folder; gone afterwards."""
    if not port:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    variables = {**os.environ, "PREP_DATA_DIR": ".prep", "PREP_MODELS_DIR": str(MODELS), **environment}
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "ui" / "app.py"), "--server.port", str(port)]
    server = subprocess.Popen(command, cwd=folder, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.terminate()
        server.wait(20)


def wait_for(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail("the app did not start within half a minute")


@pytest.fixture(scope="session")
def address(project: Settings) -> Iterator[str]:
    with serving(project.data_dir.parent) as (url, _):
        yield url


@pytest.fixture(scope="module")
def context() -> Iterator[BrowserContext]:
    """One browser for all: every tab is a visitor of its own, and what they load is loaded once.

    Gone with the last test that wants it: Playwright keeps an event loop running in this thread, and ragas then cannot.
    """
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine (apt install chromium)")
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_context(permissions=["clipboard-read", "clipboard-write"])
        browser.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A visitor, who fails the test when a script of the page does or when anything leaves the machine."""
    page = context.new_page()
    page.set_viewport_size({"width": 1280, "height": 900})
    page.set_default_timeout(20_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: problems.append(request.url) if outside(request.url) else None)
    yield page
    page.close()
    assert not problems


def outside(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))
