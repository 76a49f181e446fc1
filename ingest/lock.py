"""One writer at a time: a lock that names its holder and dies with it."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from rag.errors import IndexBusy


@contextmanager
def writer_lock(index_dir: Path) -> Iterator[None]:
    index_dir.mkdir(parents=True, exist_ok=True)
    holder = index_dir / "writer.json"
    lock = FileLock(index_dir / "writer.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise IndexBusy(
            f"Another ingest is at work on this index ({describe(holder)}). Wait for it to end, then type the command again."
        ) from None
    try:
        holder.write_text(json.dumps({"pid": os.getpid(), "since": time.strftime("%H:%M:%S")}))
        yield
        holder.unlink(missing_ok=True)
    finally:
        lock.release()


def describe(holder: Path) -> str:
    try:
        return "process {pid}, since {since}".format(**json.loads(holder.read_text()))
    except (OSError, ValueError, KeyError):
        return "just started"
