"""`python -m tests.ui.load`: many people ask at once on loopback; how long they wait, what fails, what memory it takes.

Each person is a WebSocket session as a browser would open one, so the figures are the server's, without any browser's drawing.
What one person sees in Chromium, drawing included, is measured with `--browser`.
"""

import argparse
import asyncio
import statistics
import subprocess
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

from rag.settings import load_settings
from tests.ui.conftest import CHROMIUM, FLAGS, ROOT, serving

QUESTIONS = (
    "How do I debug train-serve skew?",
    "What is the F1 score and when do you use F-beta?",
    "How does self-attention work?",
    "How do you evaluate a RAG system?",
    "What is the bias-variance trade-off?",
    "How do you choose a sample size for an A/B test?",
    "who won the 2018 football world cup",
)
PATIENCE = 60
PAUSE = 3  # seconds from the server's start to the first visit of one who was not waiting for it


@dataclass(frozen=True)
class Wait:
    """Seconds from knocking to the first thing painted, the first words of the answer, and the answer with its sources."""

    paint: float
    words: float
    answer: float


async def visit(address: str, question: str) -> Wait:
    started = time.perf_counter()
    seen: dict[str, float] = {}
    async with connect(address.replace("http", "ws", 1) + "/_stcore/stream", subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
        message = BackMsg()
        message.rerun_script.query_string = urlencode({"q": question})
        await socket.send(message.SerializeToString())
        async for data in socket:
            received = ForwardMsg.FromString(data if isinstance(data, bytes) else data.encode())
            now = time.perf_counter() - started
            text = received.delta.new_element.markdown.body
            if received.HasField("delta"):
                seen.setdefault("paint", now)
            if 'class="answer' in text and "waiting" not in text:
                seen.setdefault("words", now)
            if '<div class="sources">' in text:
                seen.setdefault("answer", now)
            if received.WhichOneof("type") == "script_finished":
                break
    return Wait(seen["paint"], seen["words"], seen["answer"])


async def crowd(address: str, people: int, turn: int) -> list[Wait | BaseException]:
    asked = (QUESTIONS[(person + turn) % len(QUESTIONS)] for person in range(people))
    visits = (asyncio.wait_for(visit(address, question), PATIENCE) for question in asked)
    return await asyncio.gather(*visits, return_exceptions=True)


def look(browser: Browser, address: str) -> str:
    """One new visitor: the page drawn, then from Enter to the first words, and to the answer with its sources."""
    context = browser.new_context()
    page = context.new_page()
    started = time.perf_counter()
    page.goto(address, wait_until="commit")
    box = page.get_by_test_id("stChatInputTextArea")
    box.wait_for()
    drawn = time.perf_counter() - started
    box.fill(QUESTIONS[0])
    started = time.perf_counter()
    box.press("Enter")
    page.locator(".answer a.cite").first.wait_for()
    words = time.perf_counter() - started
    page.locator(".found").wait_for()
    whole = time.perf_counter() - started
    context.close()
    return f"page {drawn:.2f} s, words {words:.2f} s, answer {whole:.2f} s"


def browse(rounds: int) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for pause in [0, PAUSE] * rounds:
            with served() as (address, _):
                time.sleep(pause)
                print(f"{pause} s after the start: {look(browser, address)}; the next visitor: {look(browser, address)}")


def memory(process: int) -> float:
    """Resident megabytes."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


def show(name: str, found: list[Wait | BaseException]) -> None:
    waits = [item for item in found if isinstance(item, Wait)]
    cells = []
    for stage in ("paint", "words", "answer"):
        values = sorted(getattr(item, stage) for item in waits)
        if values:
            cells.append(f"{stage} p50 {statistics.median(values):.2f} s, p95 {values[int(0.95 * (len(values) - 1))]:.2f} s")
    errors = [repr(item) for item in found if not isinstance(item, Wait)]
    print(f"{name}: {'; '.join(cells)}; {len(errors)} errors {errors[:2] if errors else ''}")


def flood(people: int, rounds: int) -> None:
    with served() as (address, server):
        print(f"memory at the start: {memory(server.pid):.0f} MB")
        show("first visitor, cold", asyncio.run(crowd(address, 1, 0)))
        show("one visitor, warm", asyncio.run(crowd(address, 1, 1)))
        for turn in range(rounds):
            show(f"{people} at once, round {turn + 1}", asyncio.run(crowd(address, people, turn)))
            print(f"memory: {memory(server.pid):.0f} MB")


def served() -> AbstractContextManager[tuple[str, "subprocess.Popen[bytes]"]]:
    return serving(ROOT, environment={"PREP_DATA_DIR": str(load_settings().data_dir)})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.ui.load", description=__doc__)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--browser", action="store_true")
    options = parser.parse_args()
    browse(options.rounds) if options.browser else flood(options.people, options.rounds)


if __name__ == "__main__":
    main()
