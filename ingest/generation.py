"""Chunks to a generation on disk: passages named by content, catalogue, lexical index and arrays."""

import hashlib
import json
import shutil
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag.catalogue import Catalogue, Entry
from rag.embed import Encoding, Floats
from rag.index import Arrays, Manifest
from rag.lexical import Lexical
from rag.settings import Settings
from rag.types import Chunk, Document, Passage, Source


@dataclass(frozen=True)
class Draft:
    """The content of a generation before it is embedded."""

    entries: tuple[Entry, ...]
    documents: Mapping[str, Document]
    passages: tuple[Passage, ...]
    labels: tuple[tuple[tuple[str, str], ...], ...]  # by row: what filters ask for
    questions: tuple[tuple[str, ...], ...]  # by row: what people ask that the passage answers

    @staticmethod
    def prefix(passage: Passage) -> str:
        """What the model reads before the passage: where it stands."""
        return " > ".join(passage.source.heading_path) + "\n"

    def lexical_text(self, passage: Passage) -> str:
        """What the lexical index reads beside the questions: the text, its headings, the other names of its guides."""
        places = {" ".join(source.heading_path) for source in passage.sources}
        names = {" ".join(self.documents[source.doc_id].aliases) for source in passage.sources}
        return "\n".join([*sorted(places), *sorted(names), passage.text])


def draft(chunks: Sequence[Chunk], entries: tuple[Entry, ...]) -> Draft:
    """Passages in a fixed order, each text once with every place it stands."""
    documents = {entry.document.id: entry.document for entry in entries}
    places: dict[str, list[Chunk]] = defaultdict(list)
    for piece in chunks:
        places[" ".join(piece.text.split())].append(piece)
    passages, labels, questions = [], [], []
    for row, same in enumerate(places.values()):
        sources = tuple(source_of(piece, documents[piece.doc_id]) for piece in same)
        names = tuple(sorted({label for source in sources for label in labels_of(documents[source.doc_id])}))
        asked = tuple(sorted({question for piece in same for question in questions_of(piece, documents[piece.doc_id])}))
        content = json.dumps([same[0].text, same[0].heading_path, names, asked])
        passages.append(Passage(hashlib.sha256(content.encode()).hexdigest()[:24], (row,), same[0].text, sources))
        labels.append(names)
        questions.append(asked)
    return Draft(entries, documents, tuple(passages), tuple(labels), tuple(questions))


def questions_of(piece: Chunk, document: Document) -> Iterator[str]:
    heading = piece.heading_path[-1]
    if heading.endswith("?"):
        yield heading
    yield from document.asks.get(heading, ())


def source_of(piece: Chunk, document: Document) -> Source:
    line = document.text.count("\n", 0, piece.start) + 1 if document.lines_match_file else None
    return Source(piece.doc_id, document.title, document.area, piece.start, piece.end, piece.heading_path, line)


def labels_of(document: Document) -> Iterator[tuple[str, str]]:
    labels = ("area", document.area), ("level", document.level), *(("role", role) for role in document.roles)
    return (label for label in labels if label[1])


def collection_name(settings: Settings, fingerprint: str, fresh: bool = False) -> str:
    """A name of this index's own, so that two projects can share one Chroma server."""
    path = settings.index_dir / "identity"
    if fresh or not path.exists() or not path.read_text():  # empty: killed while writing it
        path.write_text(f"prep-{uuid.uuid4().hex[:8]}-")
    return path.read_text() + fingerprint


def new_generation(
    settings: Settings, fingerprint: str, collection: str, content: Draft, encodings: Sequence[Encoding], beyond: Floats
) -> Manifest:
    """Write every file of a generation that nobody reads yet."""
    manifest = Manifest(uuid.uuid4().hex[:12], fingerprint, collection, len(content.entries), len(content.passages))
    folder = manifest.folder(settings)
    folder.mkdir(parents=True)
    Catalogue.write(folder / "catalogue.sqlite", content.entries, content.passages)
    Lexical.write([content.lexical_text(passage) for passage in content.passages], content.questions, folder / "lexical")
    Arrays.write(encodings, beyond, folder)
    return manifest


def sweep(settings: Settings, manifest: Manifest | None) -> None:
    """Delete what no manifest names any more: older generations, stores of other settings, batches kept for a crash."""
    current = {manifest.generation, manifest.collection} if manifest else set()
    for folder in [*settings.index_dir.glob("generations/*"), *settings.index_dir.glob("chroma/*")]:
        if folder.name not in current:
            shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(settings.index_dir / "pending", ignore_errors=True)
