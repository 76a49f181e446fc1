"""Which files there are to ingest, under which ids, and which are left out and why."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.load import READERS

ASKS = ".asks"


@dataclass(frozen=True)
class Found:
    path: Path
    doc_id: str

    @property
    def asks(self) -> Path:
        """Beside a document may stand how people ask for its sections."""
        return self.path.with_suffix(ASKS)

    def read(self) -> tuple[bytes, bytes]:
        """The document, and its asks."""
        return self.path.read_bytes(), self.asks.read_bytes() if self.asks.is_file() else b""


@dataclass(frozen=True)
class Skipped:
    doc_id: str
    reason: str
    keep_old: bool = False  # the file may be fine again in a moment: what is known of it stays


def identify(path: Path) -> str:
    """The path as a person would type it here: relative to the current folder when it lies inside.

    A file name need not be UTF-8; what is not appears as its bytes, for no store would take it.
    """
    absolute = Path(os.path.abspath(path))
    here = Path.cwd()
    name = absolute.relative_to(here).as_posix() if absolute.is_relative_to(here) else absolute.as_posix()
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def scan(root: Path) -> tuple[list[Found], list[Skipped]]:
    """The files under a folder (or the one file named), sorted."""
    name = identify(root)
    if root.is_file():
        return [Found(root, name)], []
    found: list[Found] = []
    asks: list[Path] = []
    skipped: list[Skipped] = []
    for path in walk(root, skipped):
        doc_id = identify(path)
        if path.stem.lower() == "readme":
            continue  # it describes the folder, it is not a guide
        if path.suffix == ASKS:
            asks.append(path)
            continue
        if path.is_symlink() and (reason := broken_link(path, root)):
            skipped.append(Skipped(doc_id, reason))
        elif path.suffix.lower() not in READERS:
            skipped.append(Skipped(doc_id, f"not a format Prep RAG reads ({path.suffix or 'no suffix'})"))
        elif os.path.exists(path) and not os.path.isfile(path):
            skipped.append(Skipped(doc_id, "not a regular file"))  # reading a pipe would wait for ever
        else:
            found.append(Found(path, doc_id))
    orphans = set(asks) - {item.asks for item in found}
    skipped += [Skipped(identify(path), "no document of that name stands beside it") for path in sorted(orphans)]
    return sorted(found, key=lambda item: item.doc_id), skipped


def walk(root: Path, skipped: list[Skipped]) -> Iterator[Path]:
    """Every visible file; folders reached through a link or not readable are reported, not entered."""

    def refuse(error: OSError) -> None:
        skipped.append(Skipped(identify(Path(error.filename)), f"unreadable folder ({error.strerror})", keep_old=True))

    for folder, folders, files in os.walk(root, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in [name for name in folders if (Path(folder) / name).is_symlink()]:
            skipped.append(Skipped(identify(Path(folder) / name), "a link to a folder is not followed"))
        yield from (Path(folder) / name for name in files if not name.startswith("."))


def broken_link(path: Path, root: Path) -> str | None:
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return "a link that leads nowhere, or in a circle"
    return None if target.is_relative_to(root.resolve()) else "a link that leads outside the folder"
