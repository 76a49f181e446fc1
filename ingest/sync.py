"""Bring the index to the state of the files: `plan` says what changed, `apply` embeds what is new and commits it all at once.

Passages are named by their content, so a crash loses nothing and doubles nothing: new vectors are added beside the old, one
rename makes the new generation current, and only then is the old one swept away.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ingest.chunk import chunk
from ingest.generation import Draft, collection_name, draft, new_generation, sweep
from ingest.load import load
from ingest.lock import writer_lock
from ingest.pending import Pending
from ingest.scan import Found, Skipped, identify, scan
from rag import evidence
from rag.catalogue import Catalogue, Entry
from rag.embed import Encoder, Encoding, Floats, load_encoder
from rag.errors import BadInput, IndexDamaged, PrepError
from rag.index import REBUILD, UNREADABLE, Arrays, Manifest, fingerprint
from rag.settings import Settings
from rag.types import Chunk
from rag.vectors import VectorStore

EMBED_BATCH = 64
HELPS = 0.95  # how near a question is to a section that helps to answer it, where another section leads
Progress = Callable[[int, int], None]  # (passages embedded so far, passages to embed)


@dataclass(frozen=True)
class Plan:
    """What the files say against what the index holds."""

    entries: tuple[Entry, ...]
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.changed or self.removed)


@dataclass(frozen=True)
class Known:
    """The generation the index is at, or nothing at all."""

    manifest: Manifest | None = None
    entries: Mapping[str, Entry] = field(default_factory=dict)
    chunks: Mapping[str, list[Chunk]] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    plan: Plan
    manifest: Manifest | None
    seconds: float


def synchronise(
    settings: Settings,
    roots: Sequence[Path],
    *,
    progress: Progress = lambda done, total: None,
    dry_run: bool = False,
    prune_all: bool = False,
    rebuild: bool = False,
    encoder: Encoder | None = None,
) -> Outcome:
    """The whole of an ingest: one writer, one plan, one commit."""
    started = time.perf_counter()
    with writer_lock(settings.index_dir):
        encoder = encoder or load_encoder(settings)
        known = known_state(settings, encoder, rebuild)
        todo = plan(roots or [settings.corpus_dir], known, prune_all)
        manifest = known.manifest
        if not dry_run and (known.manifest is None or not todo.is_empty or not whole(settings, known.manifest)):
            if todo.entries or known.manifest is None:
                content = draft(list(chunks_of(todo, known, settings, encoder)), todo.entries)
                manifest = apply(settings, encoder, content, known, progress, rebuild)
            else:
                forget(settings, known.manifest)
                manifest = None
        elif not dry_run:
            sweep(settings, known.manifest)  # what a crash left after the last commit
    return Outcome(todo, manifest, time.perf_counter() - started)


def whole(settings: Settings, manifest: Manifest) -> bool:
    """Whether Chroma holds exactly this generation: a crash may have left a part of the next, or someone lost a part of it."""
    return VectorStore(settings, manifest.collection).count() == manifest.passages


def forget(settings: Settings, manifest: Manifest) -> None:
    """No guide is left: so is no index."""
    Manifest.path(settings).unlink(missing_ok=True)
    VectorStore(settings, manifest.collection).drop(manifest.collection)
    sweep(settings, None)


def known_state(settings: Settings, encoder: Encoder, rebuild: bool) -> Known:
    """What the index holds. To an index of other settings, or one to be rebuilt, only its guides' texts are carried over."""
    try:
        manifest = Manifest.read(settings)
        if manifest is None:
            return Known()
        with closing(Catalogue(manifest.folder(settings) / "catalogue.sqlite")) as catalogue:
            entries = {entry.document.id: entry for entry in catalogue.entries()}
            if rebuild or manifest.fingerprint != fingerprint(settings, encoder.name):
                return Known(entries={name: replace(entry, digest="") for name, entry in entries.items()})
            rows = {name: row for row, name in enumerate(catalogue.ids())}
            return Known(manifest, entries, catalogue.chunks(), rows)
    except FileNotFoundError:
        return Known()
    except (*UNREADABLE, TypeError, IndexDamaged) as error:  # a guide of another version may lack what this one asks for
        if rebuild:
            return Known()
        raise IndexDamaged(f"The index's catalogue is damaged ({error}). {REBUILD}") from error


def plan(roots: Sequence[Path], known: Known, prune_all: bool = False) -> Plan:
    """Compare the files under these roots with what is known of them. Guides from elsewhere stay as they are."""
    entries = dict(known.entries)
    groups: dict[str, list[str]] = {name: [] for name in ("added", "changed", "removed", "unchanged", "kept")}
    skipped: list[Skipped] = []
    seen: set[str] = set()
    for root in roots:
        before = {doc_id for doc_id in known.entries if within(doc_id, root)}
        if not root.exists() and not before:
            raise PrepError(f"There is no file or folder {identify(root)!r}. Name one that exists: python -m ingest PATH")
        found, left_out = scan(root) if root.exists() else ([], [])
        nothing_there = not found and not prune_all
        before -= seen  # roots may overlap: each guide counts once
        found = [item for item in found if item.doc_id not in seen]
        left_out = [item for item in left_out if item.doc_id not in seen]
        seen |= before | {item.doc_id for item in found} | {item.doc_id for item in left_out}
        for item in found:
            old = known.entries.get(item.doc_id)
            entry = read(item, old)
            if isinstance(entry, Skipped):
                left_out.append(entry)
            else:
                groups["added" if old is None else "unchanged" if old is entry else "changed"].append(item.doc_id)
                entries[item.doc_id] = entry
        unreadable = [Path(item.doc_id) for item in left_out if item.keep_old]
        for doc_id in sorted(before - {item.doc_id for item in found} | {item.doc_id for item in left_out} & before):
            if nothing_there or any(within(doc_id, path) for path in unreadable):
                groups["kept"].append(doc_id)
            else:
                groups["removed"].append(doc_id)
                del entries[doc_id]
        skipped.extend(left_out)
    ordered = tuple(entries[name] for name in sorted(entries))
    return Plan(ordered, **{name: tuple(items) for name, items in groups.items()}, skipped=tuple(skipped))


def within(doc_id: str, root: Path) -> bool:
    return Path(os.path.abspath(doc_id)).is_relative_to(os.path.abspath(root))


def read(item: Found, old: Entry | None) -> Entry | Skipped:
    """The file as an entry: the old one itself when its bytes have not changed."""
    try:
        data, asks = item.read()
    except OSError as error:
        return Skipped(item.doc_id, f"unreadable ({error.strerror})", keep_old=True)
    digest = hashlib.sha256(data + asks).hexdigest()
    if old is not None and old.digest == digest:
        return old
    try:
        return Entry(load(item.path, item.doc_id, data, asks), digest)
    except BadInput as error:
        return Skipped(item.doc_id, str(error))


def apply(
    settings: Settings, encoder: Encoder, content: Draft, known: Known, progress: Progress, rebuild: bool = False
) -> Manifest:
    """Embed what is new, write a generation, make it current, sweep what nobody names any more."""
    if not content.passages:
        raise PrepError(
            "No file holds any text to index; the index was left as it was. Name a folder of guides: python -m ingest PATH"
        )
    mark = fingerprint(settings, encoder.name)
    collection = collection_name(settings, mark, rebuild)
    store = VectorStore(settings, collection)
    pending = Pending(settings.index_dir / "pending" / mark)
    old = arrays_of(settings, known.manifest) if known.manifest else None
    beyond = old.beyond if old else examples(settings, encoder)
    encodings = pending.load()
    if old:
        encodings |= {
            passage.id: old.encoding(known.rows[passage.id]) for passage in content.passages if passage.id in known.rows
        }
    embed(content, encoder, encodings, pending, progress)

    stored = store.ids()
    missing = [row for row, passage in enumerate(content.passages) if passage.id not in stored]
    if missing:
        vectors = np.stack([encodings[content.passages[row].id].vector for row in missing])
        flags = [{f"{name}:{value}": True for name, value in content.labels[row]} for row in missing]
        store.add([content.passages[row].id for row in missing], vectors, flags)

    in_order = [encodings[passage.id] for passage in content.passages]
    manifest = new_generation(settings, mark, collection, content, in_order, beyond)
    previous: Manifest | None = None
    with suppress(IndexDamaged):  # one that nobody can read names nothing to drop
        previous = Manifest.read(settings)
    manifest.commit(settings)
    store.delete(sorted(stored - {passage.id for passage in content.passages}))
    if previous and previous.collection != collection:
        store.drop(previous.collection)
    sweep(settings, manifest)
    return manifest


def examples(settings: Settings, encoder: Encoder) -> Floats:
    """The vectors of what no guide answers: they depend on the model alone and are kept beside it, for every index to come."""
    texts = evidence.beyond()
    mark = hashlib.sha256("\n".join([encoder.name, *texts]).encode()).hexdigest()[:16]
    path = settings.models_dir / f"examples-{mark}.npy"
    if not path.exists():
        staged = path.with_name(f"{path.stem}-{os.getpid()}.npy")
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(staged, np.stack([example.vector for example in encoder.encode(texts)]))
        staged.replace(path)
    vectors: Floats = np.load(path)
    return vectors


def chunks_of(plan: Plan, known: Known, settings: Settings, encoder: Encoder) -> Iterator[Chunk]:
    """Every document's chunks; those of an unchanged document are not cut again."""
    fresh = {*plan.added, *plan.changed}
    for entry in plan.entries:
        name = entry.document.id
        cut = name not in fresh and known.chunks.get(name)
        yield from cut or chunk(entry.document, settings.chunk_tokens, encoder.count)


def arrays_of(settings: Settings, manifest: Manifest) -> Arrays:
    try:
        return Arrays(manifest.folder(settings))
    except UNREADABLE as error:
        raise IndexDamaged(f"The index's vectors are missing or damaged ({error}). {REBUILD}") from error


def embed(content: Draft, encoder: Encoder, encodings: dict[str, Encoding], pending: Pending, progress: Progress) -> None:
    """Encode what has no vectors yet, shortest first; each finished batch is kept on disk in case of a crash."""
    new = [passage for passage in content.passages if passage.id not in encodings]
    new.sort(key=lambda passage: len(passage.text))
    vectors: dict[str, Floats] = {}  # of questions: one may stand under several sections, and goes with every part of each
    for first in range(0, len(new), EMBED_BATCH):
        progress(first, len(new))
        batch = new[first : first + EMBED_BATCH]
        prefixes = [content.prefix(passage) for passage in batch]
        outputs = encoder.encode([prefix + passage.text for prefix, passage in zip(prefixes, batch, strict=True)])
        asked = sorted({question.removeprefix("+ ") for passage in batch for question in content.questions[passage.rows[0]]})
        unheard = [question for question in asked if question not in vectors]
        for question, output in zip(unheard, encoder.encode(unheard), strict=True):
            vectors |= {question: output.vector, f"+ {question}": output.vector * np.float32(HELPS)}
        done = {
            passage.id: replace(
                output,
                token_starts=output.token_starts - len(prefix),
                questions=np.stack([vectors[name] for name in content.questions[passage.rows[0]]] or [output.vector]),
            )
            for passage, prefix, output in zip(batch, prefixes, outputs, strict=True)
        }
        pending.save(done)
        encodings |= done
    progress(len(new), len(new))
