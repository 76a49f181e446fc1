"""`python -m evals.ablate`: what each stage of retrieval is worth, one left out or changed at a time."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from evals import dataset
from evals.command import command
from evals.dataset import Evidence, Question
from evals.metrics import bootstrap_interval
from evals.score import retrieval_metrics
from ingest.chunk import chunk
from ingest.generation import draft
from ingest.sync import Known, apply
from rag.assistant import Assistant
from rag.index import Index, fingerprint
from rag.rerank import load_reranker
from rag.retrieve import Retriever, Stage
from rag.settings import Settings, load_settings
from rag.types import Document, Passage
from rag.understand import understand

CHUNK_SIZES = (120, 400)
DEPTHS = (4, 12)
SHOWN = ("recall@1", "recall@5", "recall@8", "mrr", "ndcg@8")
STAGES = {
    "dense only": "dense", "lexical only": "lexical", "fused": "fused", "+ rerank": "reranked", "+ share of the guide": "final"
}  # fmt: skip
Search = Callable[[Question], Sequence[Passage]]


def candidates(retriever: Retriever, question: Question) -> Stage:
    return retriever.retrieve(understand(question.text, question.history, retriever.speller).text).candidates


def chunks(retriever: Retriever, name: str) -> Search:
    """The best eight chunks by one stage's scores, as they were cut."""

    def search(question: Question) -> Sequence[Passage]:
        stage = candidates(retriever, question)
        return retriever.index.passages(stage.ranking(getattr(stage, name))[:8].tolist())

    return search


def whole(retriever: Retriever) -> Search:
    """As the product searches: parts of a question each on their own."""
    return lambda question: retriever.find(understand(question.text, question.history, retriever.speller)).passages


def variants(assistant: Assistant, scratch: Path) -> Iterator[tuple[str, Search]]:
    settings = assistant.settings
    retriever = Retriever(settings, assistant.index, assistant.encoder, load_reranker(settings))
    yield from ((label, chunks(retriever, name)) for label, name in STAGES.items())
    yield "+ whole sections", lambda question: retriever.assemble(candidates(retriever, question))[0]
    yield "+ parts (the product, k=8)", whole(retriever)
    for k in DEPTHS:
        changed = settings.model_copy(update={"passages": k})
        yield f"product, k={k}", whole(Retriever(changed, assistant.index, assistant.encoder, load_reranker(changed)))
    yield "product without asks", whole(rebuilt(assistant, scratch, settings, lambda document: replace(document, asks={})))
    for size in CHUNK_SIZES:
        changed = settings.model_copy(update={"chunk_tokens": size})
        yield f"product, chunks of {size} tokens", whole(rebuilt(assistant, scratch, changed))


def rebuilt(
    assistant: Assistant, scratch: Path, settings: Settings, change: Callable[[Document], Document] = lambda document: document
) -> Retriever:
    """A retriever over an index of its own, built from the same guides."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    settings = settings.model_copy(update={"data_dir": folder, "chroma_url": ""})
    settings.index_dir.mkdir(parents=True)
    entries = tuple(replace(entry, document=change(entry.document)) for entry in assistant.index.catalogue.entries())
    encoder = assistant.encoder
    pieces = [piece for entry in entries for piece in chunk(entry.document, settings.chunk_tokens, encoder.count)]
    apply(settings, encoder, draft(pieces, entries), Known(), lambda done, total: None)
    return Retriever(settings, Index.open(settings, fingerprint(settings, encoder.name)), encoder, load_reranker(settings))


@command
def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.ablate", description=__doc__)
    parser.add_argument("--split", choices=dataset.SPLITS, default="dev")
    options = parser.parse_args()
    console = Console(width=120)
    assistant = Assistant(load_settings())
    evidence = Evidence(assistant.index.catalogue, assistant.settings.corpus_dir)
    questions = [question for question in dataset.load(options.split) if question.answerable]
    places = [[evidence.places(fact) for fact in question.facts] for question in questions]
    table = Table("retrieval", *SHOWN, "recall@8, 95 % interval", "in all k", "words", box=None)
    with tempfile.TemporaryDirectory(prefix="prep-ablate-") as scratch:
        for name, search in variants(assistant, Path(scratch)):
            found = [search(question) for question in track(questions, name, console=console, transient=True)]
            measured = [retrieval_metrics(facts, passages) for facts, passages in zip(places, found, strict=True)]
            rows = [metrics for metrics, _ in measured]
            everywhere = np.mean([np.mean([rank is not None for rank in ranks]) for _, ranks in measured])
            recalls = [row["recall@8"] or 0.0 for row in rows]
            low, high = bootstrap_interval(recalls)
            words = np.mean([sum(len(passage.text.split()) for passage in passages) for passages in found])
            means = [f"{np.mean([row[metric] or 0.0 for row in rows]):.3f}" for metric in SHOWN]
            table.add_row(name, *means, f"\\[{low:.3f}, {high:.3f}]", f"{everywhere:.3f}", f"{words:.0f}")
    console.print(table)
    console.print(f"{len(questions)} questions of {options.split}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
