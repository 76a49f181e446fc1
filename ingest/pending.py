"""Vectors embedded but not yet committed, kept on disk so that an interrupted ingest does not pay for them twice."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rag.embed import Encoding

FIELDS = ("vector", "token_ids", "token_starts", "tokens", "questions")


class Pending:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self) -> dict[str, Encoding]:
        found: dict[str, Encoding] = {}
        for path in sorted(self._folder.glob("*.npz")):
            try:
                with np.load(path) as file:
                    names = {key.split("/")[0] for key in file.files}
                    found |= {name: Encoding(*(file[f"{name}/{field}"] for field in FIELDS)) for name in names}
            except (OSError, EOFError, ValueError, zipfile.BadZipFile):
                path.unlink(missing_ok=True)
        return found

    def save(self, encodings: Mapping[str, Encoding]) -> None:
        """Keep one batch; a file appears under its final name only when it is whole."""
        self._folder.mkdir(parents=True, exist_ok=True)
        staged = self._folder / "staged"
        with staged.open("wb") as file:
            np.savez(
                file, **{f"{name}/{field}": getattr(encoding, field) for name, encoding in encodings.items() for field in FIELDS}
            )
        staged.rename(self._folder / f"{min(encodings)}.npz")
