"""A run as it lies on disk: its config, its rows as they are measured, and once it is whole its figures and report."""

import datetime
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rag.errors import PrepError


def folder_for(root: Path, config: Mapping[str, Any]) -> Path:
    """The folder of a run of the same configuration that was broken off, else a new one."""
    for folder in sorted(root.glob("*"), reverse=True):
        if not (folder / "summary.json").exists() and read_config(folder) == config:
            with suppress(PrepError), writing(folder):
                return folder
    return root / f"{datetime.datetime.now():%Y-%m-%d-%H%M%S-%f}-{config['split']}"


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """One process at a time; the lock goes with it."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout:
        raise PrepError(f"Another run is writing to {folder}. Name another folder: --out") from None


def read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    return json.loads(path.read_text()) if path.exists() else {}


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """None of a file that is not there; the line that a killed run cut short is passed over."""
    for line in path.read_text(encoding="utf-8").split("\n") if path.exists() else ():  # other line ends may stand in an answer
        with suppress(ValueError):
            yield json.loads(line)


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    """By question, as it was measured last."""
    rows = {row["id"]: row for row in read_rows(folder / "rows.jsonl")}
    if not rows:
        raise PrepError(f"{folder} holds no run. Make one: python -m evals.run --out {folder}")
    return rows
