"""`python -m evals.beir PATH`: the project's own retriever on any test set in BEIR form.

That is a folder with corpus.jsonl, queries.jsonl and qrels/test.tsv.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from rag.rerank import Query, load_reranker
from rag.retrieve import Clock, Retriever, Stage
from rag.settings import Settings
from rag.types import Document, Filters

Encode = Callable[[list[str]], Any]
Values = dict[str, dict[str, list[float]]]  # stage → metric → one value per query
COMPARED_WITH = {"fused": "dense", "reranked": "fused"}
STAGES = ("dense", "lexical", "fused", "reranked")
METRICS: dict[str, Callable[[Sequence[str], Relevance], float]] = {
    "nDCG@10": lambda ranking, relevance: ndcg(ranking, relevance, 10),
    "R@10": lambda ranking, relevance: recall(ranking, relevance, 10),
    "R@100": lambda ranking, relevance: recall(ranking, relevance, 100),
    "MRR@10": lambda ranking, relevance: reciprocal_rank(ranking, relevance, 10),
}


@dataclass(frozen=True)
class TestSet:
    __test__ = False

    ids: list[str]
    texts: list[str]
    queries: dict[str, str]
    relevance: dict[str, dict[str, int]]


def read(folder: Path) -> TestSet:
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
    return TestSet([document["_id"] for document in documents], texts, queries, relevance)


class GivenVectors:
    """Passage and question vectors from outside; word pieces from the embedded model."""

    def __init__(self, encode: Encode, inner: Encoder) -> None:
        self._encode, self._inner = encode, inner
        self.name, self.dimension = f"given beside {inner.name}", inner.dimension
        self.count, self.knows = inner.count, inner.knows

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        vectors = unit(np.asarray(self._encode(list(texts)), dtype=np.float32))
        return [
            Encoding(vector, own.token_ids, own.token_starts, own.tokens)
            for vector, own in zip(vectors, self._inner.encode(texts), strict=True)
        ]


class Search:
    """A throw-away index over the documents, searched the way questions are."""

    def __init__(
        self, ids: Sequence[str], texts: Sequence[str], encode: Encode | None = None, progress: Progress = lambda *_: None
    ) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="prep-beir-")
        settings = Settings().model_copy(update={"data_dir": Path(self._scratch.name), "chroma_url": "", "rerank_depth": 100})
        settings.index_dir.mkdir()
        own = load_encoder(settings)
        self._encoder = GivenVectors(encode, own) if encode else own
        documents = [
            Document(name, "", text, format="plain", lines_match_file=False) for name, text in zip(ids, texts, strict=True)
        ]
        chunks = [piece for document in documents for piece in chunk(document, settings.chunk_tokens, own.count)]
        content = draft(chunks, tuple(Entry(document, "") for document in documents))
        apply(settings, self._encoder, content, Known(), progress)
        self._index = Index.open(settings, fingerprint(settings, self._encoder.name))
        self._retriever = Retriever(settings, self._index, self._encoder, load_reranker(settings))
        self._names = [tuple(source.doc_id for source in passage.sources) for passage in content.passages]

    def stages(self, question: str) -> Stage:
        return self._retriever.candidates(Query.of(question, self._encoder, self._index), Filters(), Clock())

    def ranking(self, stage: Stage, name: str) -> list[tuple[str, float]]:
        """(document, score), best first: a document is as good as its best passage."""
        best: dict[str, float] = {}
        for row, score in zip(stage.rows, getattr(stage, name), strict=True):
            for document in self._names[row]:
                best[document] = max(best.get(document, -np.inf), float(score))
        return sorted(best.items(), key=lambda item: (-item[1], item[0]))


def search_factory(ds: Any, encode: Encode | None = None) -> Callable[[str, int], list[tuple[str, float]]]:
    """`search(query, k) -> [(document id, score)]` over `ds.ids` and `ds.texts`; `encode` replaces the model's vectors."""
    search = Search(ds.ids, ds.texts, encode)
    return lambda query, k: search.ranking(search.stages(query), "reranked")[:k]


def measure(search: Search, data: TestSet, console: Console) -> Values:
    values: Values = {stage: {metric: [] for metric in METRICS} for stage in STAGES}
    for name, question in track(data.queries.items(), "Searching", console=console, transient=True):
        found = search.stages(question)
        for stage in STAGES:
            ranking = [document for document, _ in search.ranking(found, stage)]
            for metric, score in METRICS.items():
                values[stage][metric].append(score(ranking, data.relevance[name]))
    return values


def report(values: Values, console: Console) -> None:
    table = Table("stage", *METRICS, "nDCG@10 gained [95 % interval]", box=None)
    for stage in STAGES:
        gained = ""
        if before := COMPARED_WITH.get(stage):
            pairs = zip(values[stage]["nDCG@10"], values[before]["nDCG@10"], strict=True)
            differences = [new - old for new, old in pairs]
            low, high = bootstrap_interval(differences)
            gained = f"{np.mean(differences):+.4f} [{low:+.4f}, {high:+.4f}] over {before}"
        table.add_row(stage, *(f"{np.mean(values[stage][metric]):.4f}" for metric in METRICS), gained)
    console.print(table)
    console.print(f"{len(values['dense']['nDCG@10'])} queries; gains are paired, their intervals bootstrapped over queries")


@command
def main() -> int:
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
        search = Search(data.ids, data.texts, progress=progress)
    report(measure(search, data, console), console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
