"""Run ingests that are killed (kill -9) at a chosen step. Reads step numbers, answers how each run ended.

`python -m tests.ingest.crash FOLDER`, in the folder's project. Every call of a function that touches the index, and every
return from one, is a step; a step past the end lets the ingest finish.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

import chromadb  # noqa: F401  (imported once, before the forks)

from ingest.sync import synchronise
from tests.conftest import make_settings
from tests.fakes import CountingEncoder

LIBRARY = "pathlib.py"
MODULES = (
    LIBRARY,
    "ingest/sync.py",
    "ingest/generation.py",
    "ingest/pending.py",
    "ingest/lock.py",
    "rag/index.py",
    "rag/vectors.py",
)
INDEX_STEPS = "apply save new_generation write commit add delete drop sweep embed writer_lock collection_name connect read"
FILE_STEPS = "replace write_text"
STEPS = frozenset(f"{INDEX_STEPS} {FILE_STEPS}".split())


def run(folder: Path, last: int) -> int:
    """Ingest up to this step, then die. How many steps it took, if it ended before."""
    steps = 0

    def step(frame: FrameType, event: str, argument: object) -> None:
        nonlocal steps
        code = frame.f_code
        inside_a_write = event == "c_call" and code.co_filename.endswith(LIBRARY)
        if (event in {"call", "return"} or inside_a_write) and code.co_name in STEPS and code.co_filename.endswith(MODULES):
            if code.co_name == "read" and code.co_filename.endswith("ingest/sync.py"):
                return  # a file of the corpus
            steps += 1
            if steps == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(step)
    synchronise(make_settings(folder), [], encoder=CountingEncoder())
    sys.setprofile(None)
    return steps


def main() -> None:
    folder = Path(sys.argv[1])
    for line in sys.stdin:
        steps_out, steps_in = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(steps_in, str(run(folder, int(line))).encode())
            os._exit(0)
        os.close(steps_in)
        _, status = os.waitpid(child, 0)
        answer = "killed" if os.WIFSIGNALED(status) else f"finished {os.read(steps_out, 20).decode()}"
        os.close(steps_out)
        print(answer, flush=True)


if __name__ == "__main__":
    main()
