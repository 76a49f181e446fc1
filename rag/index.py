"""The index as readers see it: one committed generation, opened as a whole and checked.

index/manifest.json           names the current generation; replaced by one rename
index/generations/<name>/     catalogue.sqlite, lexical/, and the arrays below; never changed once named
index/chroma/                 passage vectors, shared by generations (a server's, when one is set)
"""

import hashlib
import json
import math
import os
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.catalogue import Catalogue
from rag.embed import Encoding, Floats
from rag.errors import IndexDamaged, IndexMissing
from rag.lexical import Lexical
from rag.settings import Settings
from rag.types import Filters, Passage
from rag.vectors import VectorStore

FORMAT = 8  # raise it when the loader, the chunker, the stems, beyond.txt, the border or a file of a generation changes
SHRINK = 0.05  # of the spread of both crowds: makes the border between them firmer
STEEPNESS = 4  # how far from the border a question is surely on one side
PROBES = 8  # passages looked up by their own vectors at opening; a few newer ones may be found though older ones are lost
UNREADABLE = (OSError, EOFError, KeyError, ValueError, sqlite3.DatabaseError)  # what a file that is missing or cut short raises
REBUILD = "Rebuild it: python -m ingest --rebuild"


@dataclass(frozen=True)
class Manifest:
    generation: str
    fingerprint: str
    collection: str
    documents: int
    passages: int

    @staticmethod
    def path(settings: Settings) -> Path:
        return settings.index_dir / "manifest.json"

    @classmethod
    def read(cls, settings: Settings) -> "Manifest | None":
        try:
            found = json.loads(cls.path(settings).read_text())
            return cls(**{field.name: found[field.name] for field in fields(cls)})  # another version may write more
        except FileNotFoundError:
            return None
        except (KeyError, TypeError, ValueError) as error:
            raise IndexDamaged(f"{cls.path(settings)} is not a manifest. {REBUILD}") from error

    def commit(self, settings: Settings) -> None:
        """Make this generation the current one, in one step that a crash cannot halve."""
        staged = self.path(settings).with_suffix(".staged")
        with staged.open("w") as file:
            json.dump(asdict(self), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(self.path(settings))

    def folder(self, settings: Settings) -> Path:
        return settings.index_dir / "generations" / self.generation


def fingerprint(settings: Settings, encoder_name: str) -> str:
    """Changes whenever an index built earlier would answer differently from one built now."""
    parts = json.dumps([FORMAT, encoder_name, settings.chunk_tokens])
    return hashlib.sha256(parts.encode()).hexdigest()[:12]


class Arrays:
    """Vectors by row, the token vectors that late interaction compares, what no guide answers and the border; memory-mapped."""

    def __init__(self, folder: Path) -> None:
        def load(name: str) -> Any:
            # A plain view of the mapped file: slicing numpy's memmap class is ten times slower.
            return np.load(folder / f"{name}.npy", mmap_mode="r").view(np.ndarray)

        self.vectors = load("vectors")
        self.questions = load("questions")
        self.question_offsets = np.asarray(load("question_offsets"))
        self._question_at = np.asarray(load("question_at"))
        self.offsets = np.asarray(load("token_offsets"))
        self.token_ids = load("token_ids")
        self.token_starts = load("token_starts")
        self.tokens = load("tokens")
        self.token_frequency = np.asarray(load("token_frequency"))
        self.beyond = load("beyond")
        self._border = np.asarray(load("border"))

    @staticmethod
    def write(encodings: Sequence[Encoding], beyond: Floats, folder: Path) -> None:
        lengths = [len(encoding.token_ids) for encoding in encodings]
        questions = [encoding.vector[None] if encoding.questions is None else encoding.questions for encoding in encodings]
        distinct: dict[bytes, Floats] = {asked.tobytes(): asked for own in questions for asked in own}
        number = {asked: at for at, asked in enumerate(distinct)}
        known = [distinct[asked] for asked in {asked.tobytes(): None for own in questions if len(own) > 1 for asked in own}]
        seen_in = [np.unique(encoding.token_ids) for encoding in encodings]
        arrays: dict[str, NDArray[Any]] = {
            "vectors": np.stack([encoding.vector for encoding in encodings]),
            "questions": np.stack(list(distinct.values())),  # broad ones stand under several sections
            "question_at": np.array([number[asked.tobytes()] for own in questions for asked in own], dtype=np.int32),
            "question_offsets": np.concatenate([[0], np.cumsum([len(asked) for asked in questions])]).astype(np.int64),
            "token_offsets": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            "token_ids": np.concatenate([encoding.token_ids for encoding in encodings]),
            "token_starts": np.concatenate([encoding.token_starts for encoding in encodings]),
            "tokens": np.concatenate([encoding.tokens for encoding in encodings]),
            "token_frequency": np.bincount(np.concatenate(seen_in)),
            "beyond": beyond,
            "border": border(np.stack(known) if known else beyond[:0], beyond),
        }
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array)

    def encoding(self, row: int) -> Encoding:
        part = slice(self.offsets[row], self.offsets[row + 1])
        return Encoding(
            self.vectors[row], self.token_ids[part], self.token_starts[part], self.tokens[part], self.questions_of(row)
        )

    def questions_of(self, row: int) -> Floats:
        places = slice(self.question_offsets[row], self.question_offsets[row + 1])
        return np.asarray(self.questions[self._question_at[places]])

    def asked(self, vector: Floats) -> Floats:
        """By row: the cosine of the passage's own question that is most like this one."""
        near = (self.questions @ vector)[self._question_at]
        return np.asarray(np.maximum.reduceat(near, self.question_offsets[:-1]), dtype=np.float32)

    def strange(self, vector: Floats) -> float:
        """The chance that a question is one of those beyond the guides, by the side of the border on which it lies."""
        if not len(self._border):
            return 0.0
        return 1 / (1 + math.exp((float(self._border[:-1] @ vector) + float(self._border[-1])) / STEEPNESS))

    def token_weights(self, token_ids: NDArray[np.int32]) -> Floats:
        """Inverse document frequency of word pieces over the passages."""
        known = token_ids < len(self.token_frequency)
        seen = np.where(known, self.token_frequency[np.where(known, token_ids, 0)], 0)
        passages = len(self.offsets) - 1
        return np.log1p((passages - seen + 0.5) / (seen + 0.5)).astype(np.float32)


def border(known: Floats, beyond: Floats) -> Floats:
    """The plane that divides best what guides are known to answer from what none does (Fisher's discriminant): weights and bias.

    None, where too few questions are known to draw one.
    """
    if len(known) < known.shape[1]:
        return np.zeros(0, dtype=np.float32)
    middles = [crowd.mean(axis=0) for crowd in (known, beyond)]
    spreads = [np.cov(crowd, rowvar=False, bias=True) for crowd in (known, beyond)]
    spread = (spreads[0] + spreads[1]) / 2
    firm = SHRINK * np.trace(spread) / len(spread) * np.eye(len(spread))
    weights = np.linalg.solve((1 - SHRINK) * spread + firm, middles[0] - middles[1])
    return np.append(weights, -weights @ (middles[0] + middles[1]) / 2).astype(np.float32)


class Index:
    """One generation, open for reading."""

    def __init__(self, settings: Settings, manifest: Manifest) -> None:
        folder = manifest.folder(settings)
        self.manifest = manifest
        self.catalogue = Catalogue(folder / "catalogue.sqlite")
        self.arrays = Arrays(folder)
        self.lexical = Lexical(folder / "lexical")
        self._store = VectorStore(settings, manifest.collection)
        self.ids = self.catalogue.ids()
        self.guides = self.catalogue.guides()
        self.asides = self.catalogue.asides()
        self._row_of = {name: row for row, name in enumerate(self.ids)}

    @classmethod
    def open(cls, settings: Settings, expected_fingerprint: str) -> "Index":
        """The current generation, checked."""
        while True:
            manifest = Manifest.read(settings)
            if manifest is None:
                raise IndexMissing("Nothing has been ingested yet. Build the index first: python -m ingest")
            if manifest.fingerprint != expected_fingerprint:
                raise IndexMissing(
                    "The index was built with another model, chunk size or version. Build it for these settings: python -m ingest"
                )
            try:
                index = cls(settings, manifest)
            except UNREADABLE as error:
                if Manifest.read(settings) == manifest:
                    raise IndexDamaged(f"A file of the index is missing or damaged ({error}). {REBUILD}") from error
                continue  # a writer committed between our two reads: take its generation
            index.check()
            return index

    def check(self) -> None:
        """Cheap evidence that the parts belong together; a lost part otherwise shows only as quietly worse answers."""
        expected = self.manifest.passages
        counts = {
            "catalogue": len(self._row_of),
            "lexical index": self.lexical.size,
            "vector file": len(self.arrays.vectors),
            "question file": len(self.arrays.question_offsets) - 1,
            "token file": len(self.arrays.offsets) - 1,
        }
        for part, count in counts.items():
            if count != expected:
                raise IndexDamaged(f"The index is inconsistent: its {part} has {count} passages, not {expected}. {REBUILD}")
        if (stored := self._store.count()) < expected:
            raise IndexDamaged(f"Chroma holds {stored} of {expected} passages. Put them back: python -m ingest")
        for row in range(0, expected, max(1, expected // PROBES)):
            rows, similarities = self.dense(np.asarray(self.arrays.vectors[row]), 5, Filters())
            if row not in rows and not (len(rows) and similarities[-1] > 0.999):
                raise IndexDamaged(f"Chroma does not find a passage by its own vector. {REBUILD}")

    def dense(self, vector: Floats, k: int, filters: Filters) -> tuple[NDArray[np.int64], Floats]:
        """(rows, cosine similarities) of the nearest passages, best first.

        A writer at work may have added passages that this generation does not name: they are passed over. So are those that
        pass the filters only by the labels of two guides together, which Chroma cannot tell apart.
        """
        allowed = self.catalogue.allowed(filters)
        found = [
            (row, similarity)
            for name, similarity in self._store.search(vector, min(k, len(self._row_of)), filters)
            if (row := self._row_of.get(name)) is not None and allowed[row]
        ]
        rows = np.array([row for row, _ in found], dtype=np.int64)
        return rows, np.array([similarity for _, similarity in found], dtype=np.float32)

    def passages(self, rows: Sequence[int]) -> list[Passage]:
        return self.catalogue.passages(rows)

    def share(self, wanted: Iterable[str], found: Collection[str]) -> float:
        """How much of these terms, the rare ones counting more, is among those found."""
        documents = {term: self.lexical.document_frequency(term) for term in wanted}
        rarity = {term: math.log1p(self.manifest.passages / (1 + seen)) for term, seen in documents.items()}
        return sum(rarity[term] for term in rarity if term in found) / sum(rarity.values())
