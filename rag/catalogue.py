"""What the index knows in words: documents, passages and where each passage stands. One SQLite file per generation."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
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
"""
ADMITTED = {
    "area": "area in ({})",
    "level": "level in ({})",
    "role": "exists (select 1 from json_each(roles) where value in ({}))",
}


@dataclass(frozen=True)
class Entry:
    """A document as the catalogue holds it, with the digest of the bytes it was read from."""

    document: Document
    digest: str


@dataclass(frozen=True)
class Stretch:
    """One chunk of a document, and the number of the section it stands in."""

    row: int
    start: int
    end: int
    line: int | None
    heading_path: tuple[str, ...]
    section: int


class Catalogue:
    """Reads one generation. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise FileNotFoundError(path)
        self._database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        self._stretches: dict[str, list[Stretch]] = {}

    @staticmethod
    def write(path: Path, entries: Iterable[Entry], passages: Sequence[Passage]) -> None:
        database = sqlite3.connect(path)
        with database:
            database.executescript(SCHEMA)
            database.executemany("insert into documents values (?,?,?,?,?,?,?,?,?,?,?,?)", map(document_row, entries))
            for passage in passages:
                (row,) = passage.rows
                database.execute("insert into passages values (?,?,?)", (row, passage.id, passage.text))
                for at in passage.sources:
                    place = row, at.doc_id, at.start, at.end, json.dumps(at.heading_path), at.line
                    database.execute("insert into sources values (?,?,?,?,?,?)", place)
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

    def asides(self) -> NDArray[np.bool_]:
        """By row, whether it stands only under headings of the third level or deeper."""
        rows = self._database.execute("select min(json_array_length(heading_path)) from sources group by row order by row")
        return np.array([depth > 2 for (depth,) in rows], dtype=bool)

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

    def names(self, doc_id: str) -> list[str]:
        """What a guide goes by: its title and its aliases."""
        title, aliases = self._database.execute("select title, aliases from documents where id = ?", (doc_id,)).fetchone()
        return [title, *json.loads(aliases)]

    def passages(self, rows: Sequence[int]) -> list[Passage]:
        """The passages at these rows, in the order asked for."""
        marks = ",".join("?" * len(rows))
        found = self._database.execute(f"select * from passages where row in ({marks})", rows)
        names = {row: (name, text) for row, name, text in found}
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

    def stretches(self, doc_id: str) -> list[Stretch]:
        """A document's chunks in order; two sections under the same heading are two."""
        if doc_id not in self._stretches:
            rows = self._database.execute(
                'select heading_path, row, start, "end", line from sources where doc_id = ? order by start', (doc_id,)
            )
            self._stretches[doc_id] = [
                Stretch(row, start, end, line, tuple(json.loads(heading_path)), section)
                for section, (heading_path, group) in enumerate(groupby(rows, key=itemgetter(0)))
                for _, row, start, end, line in group
            ]
        return self._stretches[doc_id]

    def text(self, doc_id: str, start: int, end: int) -> str:
        """A span of a document, without reading the rest of it."""
        row = self._database.execute("select substr(text, ?, ?) from documents where id = ?", (start + 1, end - start, doc_id))
        return str(row.fetchone()[0])

    def allowed(self, filters: Filters) -> NDArray[np.bool_]:
        """Which rows stand in a guide that passes the filters."""
        condition, values = admitting(filters)
        (passages,) = self._database.execute("select count(*) from passages").fetchone()
        mask = np.full(passages, not values)
        if values:
            rows = self._database.execute(f"select row from sources join documents on id = doc_id where {condition}", values)
            mask[[row for (row,) in rows]] = True
        return mask

    def admits(self, filters: Filters, doc_id: str) -> bool:
        """Whether a guide passes the filters."""
        condition, values = admitting(filters)
        found = self._database.execute(f"select 1 from documents where id = ? and {condition}", (doc_id, *values))
        return found.fetchone() is not None

    def labels(self, name: str) -> list[str]:
        """The areas, roles or levels that the guides have."""
        wanted = "value from documents, json_each(roles)" if name == "role" else f"{name} from documents where {name} > ''"
        return [value for (value,) in self._database.execute(f"select distinct {wanted} order by 1")]


def admitting(filters: Filters) -> tuple[str, list[str]]:
    """The filters as a condition on a document, and the values in it."""
    groups = list(filters.groups())
    conditions = [ADMITTED[name].format(",".join("?" * len(values))) for name, values in groups]
    return " and ".join(conditions) or "true", [value for _, values in groups for value in values]


def document_row(entry: Entry) -> tuple[object, ...]:
    document = entry.document
    return (
        document.id, entry.digest, document.title, document.area, json.dumps(document.roles), document.level,
        json.dumps(document.aliases), json.dumps(document.asks), document.format,
        document.body_start, document.lines_match_file, document.text,
    )  # fmt: skip


def read_entry(row: sqlite3.Row) -> Entry:
    """The document again; a catalogue of another version may lack a field, or have one that is not known here."""
    stored = dict(row)
    found = {field.name: stored[field.name] for field in fields(Document) if field.name in stored}
    found |= {name: tuple(json.loads(found[name])) for name in ("roles", "aliases")}
    found["asks"] = {heading: tuple(items) for heading, items in json.loads(found.get("asks", "{}")).items()}
    found["lines_match_file"] = bool(found["lines_match_file"])
    return Entry(Document(**found), stored["digest"])
