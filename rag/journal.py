"""What people leave behind, kept on this machine only: questions the guides did not answer, and what was thought of answers.

`python -m evals.gaps` and `python -m evals.candidates` read it; nothing else does.
"""

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from rag.settings import Settings

Kind = Literal["gap", "wanted", "feedback"]


def path(settings: Settings) -> Path:
    return settings.data_dir / "journal.jsonl"


def record(settings: Settings, kind: Kind, **fields: Any) -> None:
    """Append one line; it begins on a line of its own even if a crash cut the last one short."""
    path(settings).parent.mkdir(parents=True, exist_ok=True)
    entry = {"kind": kind, "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"), **fields}
    with path(settings).open("a", encoding="ascii") as file:  # a crash cannot halve a character
        file.write("\n" + json.dumps(entry) + "\n")


def entries(settings: Settings, kind: Kind) -> Iterator[dict[str, Any]]:
    """Oldest first; a line cut short by a crash is passed over."""
    if not path(settings).exists():
        return
    for line in path(settings).read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry.get("kind") == kind:
            yield entry
