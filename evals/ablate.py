"""`python -m evals.ablate`: what each stage of retrieval is worth, one left out or changed at a time; one table, one chart."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from evals import dataset, report
from evals.dataset import Evidence, Question
from evals.metrics import bootstrap_interval
from evals.score import retrieval_metrics
from ingest.chunk import chunk
from ingest.generation import draft
from ingest.sync import Known, apply
from rag.assistant import Assistant
from rag.errors import PrepError
from rag.index import Index, fingerprint
from rag.rerank import load_reranker
from rag.retrieve import Retriever, Stage
from rag.settings import Settings, load_settings
from rag.types import Document, Filters, Passage
from rag.understand import understand

CHUNK_SIZES = (120, 400)
DEPTHS = (4, 12)
SHOWN = ("recall@1", "recall@5", "recall@8", "mrr", "ndcg@8")
Search = Callable[[Question], Sequence[Passage]]


@dataclass(frozen=True)
class Variant:
    name: str
    search: Search


def stage_only(retriever: Retriever, name: str) -> Search:
    """The best eight chunks by one stage's scores, as they were cut."""

    def search(question: Question) -> Sequence[Passage]:
        stage = stage_of(retriever, question)
        return retriever.index.passages(stage.ranking(getattr(stage, name))[:8].tolist())

    return search


def stage_of(retriever: Retriever, question: Question) -> Stage:
    return retriever.retrieve(understand(question.text, question.history, retriever.speller).text).candidates


def sections(retriever: Retriever, name: str) -> Search:
    """The same, each chunk with the section it stands in, near-duplicates left out."""

    def search(question: Question) -> Sequence[Passage]:
        stage = stage_of(retriever, question)
        return retriever.assemble(replace(stage, final=getattr(stage, name)))[0]

    return search


def whole(retriever: Retriever) -> Search:
    """As the product searches: parts of a question each on their own."""

    def search(question: Question) -> Sequence[Passage]:
        return retriever.find(understand(question.text, question.history, retriever.speller), Filters()).passages

    return search


def variants(assistant: Assistant, scratch: Path) -> Iterator[Variant]:
    settings = assistant.settings
    retriever = Retriever(settings, assistant.index, assistant.encoder, load_reranker(settings))
    yield Variant("dense only", stage_only(retriever, "dense"))
    yield Variant("lexical only", stage_only(retriever, "lexical"))
    yield Variant("fused", stage_only(retriever, "fused"))
    yield Variant("+ rerank", stage_only(retriever, "reranked"))
    yield Variant("+ share of the guide", stage_only(retriever, "final"))
    yield Variant("+ whole sections", sections(retriever, "final"))
    yield Variant("+ parts (the product, k=8)", whole(retriever))
    for k in DEPTHS:
        changed = settings.model_copy(update={"passages": k})
        yield Variant(f"product, k={k}", whole(Retriever(changed, assistant.index, assistant.encoder, load_reranker(changed))))
    yield Variant(
        "product without asks", whole(rebuilt(assistant, scratch, settings, lambda document: replace(document, asks={})))
    )
    for size in CHUNK_SIZES:
        changed = settings.model_copy(update={"chunk_tokens": size})
        yield Variant(f"product, chunks of {size} tokens", whole(rebuilt(assistant, scratch, changed, lambda document: document)))


def rebuilt(assistant: Assistant, scratch: Path, settings: Settings, change: Callable[[Document], Document]) -> Retriever:
    """A retriever over an index of its own, built from the same guides."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    settings = settings.model_copy(update={"data_dir": folder, "chroma_url": ""})
    settings.index_dir.mkdir(parents=True)
    entries = tuple(replace(entry, document=change(entry.document)) for entry in assistant.index.catalogue.entries())
    encoder = assistant.encoder
    chunks = [piece for entry in entries for piece in chunk(entry.document, settings.chunk_tokens, encoder.count)]
    apply(settings, encoder, draft(chunks, entries), Known(), lambda done, total: None)
    return Retriever(settings, Index.open(settings, fingerprint(settings, encoder.name)), encoder, load_reranker(settings))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.ablate", description=__doc__)
    parser.add_argument("--split", choices=dataset.SPLITS, default="dev")
    parser.add_argument("--out", type=Path, help="chart as HTML; default: ablation.html under the data folder")
    options = parser.parse_args()
    console = Console(width=120)
    try:
        assistant = Assistant(load_settings())
    except PrepError as error:
        print(error, file=sys.stderr)
        return 1
    evidence = Evidence(assistant.index.catalogue, assistant.settings.corpus_dir)
    questions = [question for question in dataset.load(options.split) if question.answerable]
    places = [[evidence.places(fact) for fact in question.facts] for question in questions]
    table = Table("retrieval", *SHOWN, "recall@8, 95 % interval", "in all k", "words", box=None)
    charted = {}
    with tempfile.TemporaryDirectory(prefix="prep-ablate-") as scratch:
        for variant in variants(assistant, Path(scratch)):
            found = [variant.search(question) for question in track(questions, variant.name, console=console, transient=True)]
            measured = [retrieval_metrics(facts, passages) for facts, passages in zip(places, found, strict=True)]
            rows = [metrics for metrics, _ in measured]
            everywhere = np.mean([np.mean([rank is not None for rank in ranks]) for _, ranks in measured])
            recalls = [row["recall@8"] or 0.0 for row in rows]
            low, high = bootstrap_interval(recalls)
            words = np.mean([sum(len(passage.text.split()) for passage in passages) for passages in found])
            means = [f"{np.mean([row[metric] or 0.0 for row in rows]):.3f}" for metric in SHOWN]
            table.add_row(variant.name, *means, f"\\[{low:.3f}, {high:.3f}]", f"{everywhere:.3f}", f"{words:.0f}")
            charted[variant.name] = {"mean": float(np.mean(recalls)), "low": low, "high": high, "scored": len(rows)}
    console.print(table)
    out = options.out or assistant.settings.data_dir / "evals" / "ablation.html"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(report.document("Ablation", report.chart(f"recall@8, {options.split}", charted)), encoding="utf-8")
    console.print(f"{len(questions)} questions of {options.split}; chart: {out}", highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
