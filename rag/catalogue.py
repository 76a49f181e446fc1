"""What the index knows in words: documents, passages and where each passage stands. One SQLite file per generation."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexDamaged
from rag.types import Chunk, Document, Filters, Passage, Source

SCHEMA = """
create table documents (
    id text primary key, digest text, title text, area text, roles text, level text, aliases text, asks text,
    format text, body_start integer, lines_match_file integer, text text
);
create table passages (row integer primary key, id text unique, text text);
create table sources (
    row integer, doc_id text, start integer, "end" integer, heading_path text, line integer
);
create index sources_by_row on sources (row);
create index sources_by_place on sources (doc_id, start);
create table labels (row integer, name text, value text);
create index labels_by_value on labels (name, value);
"""


@dataclass(frozen=True)
class Entry:
    """A document as the catalogue holds it, with the digest of the bytes it was read from."""

    document: Document
    digest: str


@dataclass(frozen=True)
class Part:
    """One passage of a section."""

    row: int
    start: int
    end: int
    line: int | None


class Catalogue:
    """Reads one generation. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise FileNotFoundError(path)
        self._database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        self._database.row_factory = sqlite3.Row

    @staticmethod
    def write(
        path: Path, entries: Iterable[Entry], passages: Sequence[Passage], labels: Sequence[Iterable[tuple[str, str]]]
    ) -> None:
        database = sqlite3.connect(path)
        with database:
            database.executescript(SCHEMA)
            database.executemany(
                "insert into documents values (?,?,?,?,?,?,?,?,?,?,?,?)", (document_row(entry) for entry in entries)
            )
            for passage, names in zip(passages, labels, strict=True):
                (row,) = passage.rows
                database.execute("insert into passages values (?,?,?)", (row, passage.id, passage.text))
                database.executemany(
                    "insert into sources values (?,?,?,?,?,?)",
                    [
                        (row, source.doc_id, source.start, source.end, json.dumps(source.heading_path), source.line)
                        for source in passage.sources
                    ],
                )
                database.executemany("insert into labels values (?,?,?)", [(row, *label) for label in names])
        database.close()

    def close(self) -> None:
        self._database.close()

    def ids(self) -> list[str]:
        return [name for (name,) in self._database.execute("select id from passages order by row")]

    def guides(self) -> NDArray[np.int64]:
        """By row, a number for the guide it stands in first."""
        number: dict[str, int] = {}
        rows = self._database.execute("select row, min(doc_id) from sources group by row order by row")
        return np.array([number.setdefault(doc_id, len(number)) for _, doc_id in rows], dtype=np.int64)

    def entries(self) -> list[Entry]:
        return [read_entry(row) for row in self._database.execute("select * from documents order by id")]

    def chunks(self) -> dict[str, list[Chunk]]:
        """Document id → its chunks, in order."""
        found: dict[str, list[Chunk]] = {}
        rows = self._database.execute(
            """select doc_id, start, "end", substr(text, start + 1, "end" - start), heading_path
            from sources join documents on documents.id = doc_id order by doc_id, start"""
        )
        for doc_id, start, end, text, heading_path in rows:
            found.setdefault(doc_id, []).append(Chunk(doc_id, start, end, text, tuple(json.loads(heading_path))))
        return found

    def document(self, doc_id: str) -> Document | None:
        row = self._database.execute("select * from documents where id = ?", (doc_id,)).fetchone()
        return read_entry(row).document if row else None

    def passages(self, rows: Sequence[int]) -> list[Passage]:
        """The passages at these rows, in the order asked for."""
        marks = ",".join("?" * len(rows))
        names = {
            row: (name, text)
            for row, name, text in self._database.execute(f"select * from passages where row in ({marks})", rows)
        }
        if len(names) < len(set(rows)):
            raise IndexDamaged("The index names passages that its catalogue lacks. Rebuild it: python -m ingest --rebuild")
        sources: dict[int, list[Source]] = {row: [] for row in rows}
        found = self._database.execute(
            f"""select row, doc_id, title, area, start, "end", heading_path, line
            from sources join documents on documents.id = doc_id where row in ({marks}) order by doc_id, start""",
            rows,
        )
        for row, doc_id, title, area, start, end, heading_path, line in found:
            sources[row].append(Source(doc_id, title, area, start, end, tuple(json.loads(heading_path)), line))
        return [Passage(names[row][0], (row,), names[row][1], tuple(sources[row])) for row in rows]

    def section(self, source: Source) -> list[Part]:
        """The passages of the section that the source stands in, in order; another under the same heading is not meant."""
        rows = self._database.execute(
            'select heading_path, row, start, "end", line from sources where doc_id = ? order by start', (source.doc_id,)
        )
        sections = ([Part(*row[1:]) for row in group] for _, group in groupby(rows, key=itemgetter(0)))
        return next(parts for parts in sections if any(part.start == source.start for part in parts))

    def text(self, doc_id: str, start: int, end: int) -> str:
        """A span of a document, without reading the rest of it."""
        row = self._database.execute("select substr(text, ?, ?) from documents where id = ?", (start + 1, end - start, doc_id))
        return str(row.fetchone()[0])

    def allowed(self, filters: Filters) -> NDArray[np.bool_]:
        """Which rows pass the filters."""
        (passages,) = self._database.execute("select count(*) from passages").fetchone()
        mask = np.ones(passages, dtype=bool)
        for name, values in filters.groups():
            marks = ",".join("?" * len(values))
            rows = self._database.execute(f"select row from labels where name = ? and value in ({marks})", (name, *values))
            mask &= np.isin(np.arange(passages), [row for (row,) in rows])
        return mask

    def admits(self, filters: Filters, doc_id: str) -> bool:
        """Whether a guide passes the filters."""
        row = self._database.execute("select area, level, roles from documents where id = ?", (doc_id,)).fetchone()
        labels = {"area": {row["area"]}, "level": {row["level"]}, "role": set(json.loads(row["roles"]))}
        return all(labels[name].intersection(values) for name, values in filters.groups())

    def labels(self, name: str) -> list[str]:
        """The areas, roles or levels that the guides have."""
        rows = self._database.execute("select distinct value from labels where name = ? order by value", (name,))
        return [value for (value,) in rows]


def document_row(entry: Entry) -> tuple[object, ...]:
    document = entry.document
    return (
        document.id, entry.digest, document.title, document.area, json.dumps(document.roles), document.level,
        json.dumps(document.aliases), json.dumps(document.asks), document.format,
        document.body_start, document.lines_match_file, document.text,
    )  # fmt: skip


def read_entry(row: sqlite3.Row) -> Entry:
    """The document again; a catalogue of an earlier version may lack a field."""
    fields = dict(row)
    digest = fields.pop("digest")
    for name in ("roles", "aliases"):
        fields[name] = tuple(json.loads(fields[name]))
    fields["asks"] = {heading: tuple(items) for heading, items in json.loads(fields.get("asks", "{}")).items()}
    fields["lines_match_file"] = bool(fields["lines_match_file"])
    return Entry(Document(**fields), digest)
