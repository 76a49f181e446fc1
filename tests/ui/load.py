"""`python -m tests.ui.load`: many people ask at once on loopback; how long they wait, what fails, what memory it takes.

Each person is a WebSocket session as a browser would open one, so the figures are the server's, without any browser's drawing.
"""

import argparse
import asyncio
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

from rag.settings import load_settings
from tests.ui.conftest import ROOT, serving

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


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.ui.load", description=__doc__)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with serving(ROOT, environment={"PREP_DATA_DIR": str(load_settings().data_dir)}) as (address, server):
        print(f"memory at the start: {memory(server.pid):.0f} MB")
        show("first visitor, cold", asyncio.run(crowd(address, 1, 0)))
        show("one visitor, warm", asyncio.run(crowd(address, 1, 1)))
        for turn in range(options.rounds):
            show(f"{options.people} at once, round {turn + 1}", asyncio.run(crowd(address, options.people, turn)))
            print(f"memory: {memory(server.pid):.0f} MB")


if __name__ == "__main__":
    main()
