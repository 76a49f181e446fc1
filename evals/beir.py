"""`python -m evals.beir PATH`: the project's own retriever on any test set in BEIR form.

That is a folder with corpus.jsonl, queries.jsonl and qrels/test.tsv.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from evals.command import command
from evals.metrics import Relevance, bootstrap_interval, ndcg, recall, reciprocal_rank
from ingest.chunk import chunk
from ingest.generation import draft
from ingest.progress import progress_bar
from ingest.sync import Known, Progress, apply
from rag.catalogue import Entry
from rag.embed import Encoder, Encoding, load_encoder, unit
from rag.errors import PrepError
from rag.index import Index, fingerprint
from rag.rerank import load_reranker
from rag.retrieve import Retriever
from rag.settings import Settings
from rag.types import Document

Encode = Callable[[list[str]], Any]
Ranking = list[tuple[str, float]]  # (document, score)
STAGES = {"dense": "", "lexical": "", "fused": "dense", "reranked": "fused"}  # each with the one its gain is over
METRICS: dict[str, Callable[[Sequence[str], Relevance], float]] = {
    "nDCG@10": partial(ndcg, k=10),
    "R@10": partial(recall, k=10),
    "R@100": partial(recall, k=100),
    "MRR@10": partial(reciprocal_rank, k=10),
}


@dataclass(frozen=True)
class Judged:
    ids: list[str]
    texts: list[str]
    queries: dict[str, str]
    relevance: dict[str, dict[str, int]]


def read(folder: Path) -> Judged:
    def lines(name: str) -> list[dict[str, Any]]:
        with (folder / name).open(encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.strip()]

    documents = lines("corpus.jsonl")
    relevance: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, grade = line.split("\t")
        relevance.setdefault(query, {})[document] = int(grade)
    texts = [f"{document.get('title') or ''}\n\n{document['text']}".strip() for document in documents]
    queries = {item["_id"]: item["text"] for item in lines("queries.jsonl") if item["_id"] in relevance}
    return Judged([document["_id"] for document in documents], texts, queries, relevance)


class GivenVectors:
    """Passage and question vectors from outside; word pieces from the embedded model."""

    def __init__(self, encode: Encode, inner: Encoder) -> None:
        self._encode, self._inner = encode, inner
        self.name, self.dimension = f"given beside {inner.name}", inner.dimension
        self.count, self.knows = inner.count, inner.knows

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        vectors = unit(np.asarray(self._encode(list(texts)), dtype=np.float32))
        return [replace(own, vector=vector) for vector, own in zip(vectors, self._inner.encode(texts), strict=True)]


def built(
    settings: Settings, encoder: Encoder, documents: Iterable[Document], folder: Path, progress: Progress = lambda *_: None
) -> Retriever:
    """A retriever over an index of these documents alone, to be thrown away."""
    settings = settings.model_copy(update={"data_dir": folder, "chroma_url": ""})
    settings.index_dir.mkdir(parents=True)
    entries = tuple(Entry(document, "") for document in documents)
    pieces = [piece for entry in entries for piece in chunk(entry.document, settings.chunk_tokens, encoder.count)]
    apply(settings, encoder, draft(pieces, entries), Known(), progress)
    return Retriever(settings, Index.open(settings, fingerprint(settings, encoder.name)), encoder, load_reranker(settings))


class Search:
    """The documents in an index of their own, searched the way questions are."""

    def __init__(self, data: Any, encode: Encode | None = None, progress: Progress = lambda *_: None) -> None:
        settings = Settings().model_copy(update={"rerank_depth": 100})
        own = load_encoder(settings)
        documents = [
            Document(name, "", text, "plain", lines_match_file=False) for name, text in zip(data.ids, data.texts, strict=True)
        ]
        self._scratch = tempfile.TemporaryDirectory(prefix="prep-beir-")  # lives as long as the search
        encoder = GivenVectors(encode, own) if encode else own
        self._retriever = built(settings, encoder, documents, Path(self._scratch.name), progress)
        index = self._retriever.index
        self._names = [[source.doc_id for source in passage.sources] for passage in index.passages(range(len(index.ids)))]

    def rankings(self, question: str) -> dict[str, Ranking]:
        """By stage, best first: a document is as good as its best passage."""
        found = self._retriever.retrieve(question).candidates
        ranked: dict[str, Ranking] = {}
        for stage in STAGES:
            best: dict[str, float] = {}
            for row, score in zip(found.rows, getattr(found, stage), strict=True):
                for document in self._names[row]:
                    best[document] = max(best.get(document, -np.inf), float(score))
            ranked[stage] = sorted(best.items(), key=lambda item: (-item[1], item[0]))
        return ranked


def search_factory(ds: Any, encode: Encode | None = None) -> Callable[[str, int], Ranking]:
    """`search(query, k) -> [(document id, score)]` over `ds.ids` and `ds.texts`; `encode` replaces the model's vectors."""
    search = Search(ds, encode)
    return lambda query, k: search.rankings(query)["reranked"][:k]


def report(search: Search, data: Judged, console: Console) -> None:
    values: dict[str, list[list[float]]] = {stage: [] for stage in STAGES}
    for name, question in track(data.queries.items(), "Searching", console=console, transient=True):
        for stage, ranking in search.rankings(question).items():
            documents = [document for document, _ in ranking]
            values[stage].append([score(documents, data.relevance[name]) for score in METRICS.values()])
    table = Table("stage", *METRICS, "nDCG@10 gained [95 % interval]", box=None)
    for stage, before in STAGES.items():
        gained = ""
        if before:
            differences = [new[0] - old[0] for new, old in zip(values[stage], values[before], strict=True)]
            low, high = bootstrap_interval(differences)
            gained = f"{np.mean(differences):+.4f} [{low:+.4f}, {high:+.4f}] over {before}"
        table.add_row(stage, *(f"{mean:.4f}" for mean in np.mean(values[stage], axis=0)), gained)
    console.print(table)
    console.print(f"{len(data.queries)} queries; gains are paired, their intervals bootstrapped over queries")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m evals.beir", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder with corpus.jsonl, queries.jsonl and qrels/test.tsv")
    options = parser.parse_args()
    console = Console()
    try:
        data = read(options.folder)
    except (OSError, KeyError, ValueError) as error:
        form = "corpus.jsonl, queries.jsonl and qrels/test.tsv"
        raise PrepError(f"{options.folder} is not a test set in BEIR form ({error}). Name a folder with {form}.") from error
    with progress_bar(console) as progress:
        search = Search(data, progress=progress)
    report(search, data, console)


if __name__ == "__main__":
    command(main)
