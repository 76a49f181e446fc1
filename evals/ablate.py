"""`python -m evals.ablate`: what each stage of retrieval is worth, one left out or changed at a time."""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from evals import dataset
from evals.beir import built
from evals.command import command
from evals.dataset import Evidence, Question
from evals.metrics import average
from evals.run import figures
from evals.score import retrieval_metrics
from rag.assistant import Assistant
from rag.rerank import load_reranker
from rag.retrieve import Retriever, Stage
from rag.settings import load_settings
from rag.types import Passage

CHUNK_SIZES = (120, 400)
DEPTHS = (4, 12)
SECTIONS = 20  # about as many words as the product's eight passages
SHOWN = ("recall@1", "recall@5", "recall@8", "mrr", "ndcg@8", "in all k")
STAGES = {
    "dense only": "dense", "lexical only": "lexical", "fused": "fused", "+ rerank": "reranked", "+ share of the guide": "final"
}  # fmt: skip
Search = Callable[[Question], Sequence[Passage]]


def candidates(retriever: Retriever, question: Question) -> Stage:
    return retriever.retrieve(retriever.understand(question.text, question.history).text).candidates


def chunks(retriever: Retriever, name: str, question: Question) -> Sequence[Passage]:
    """The best eight chunks by one stage's scores, as they were cut."""
    stage = candidates(retriever, question)
    return retriever.index.passages(stage.ranking(getattr(stage, name))[:8].tolist())


def sections(retriever: Retriever, k: int, question: Question) -> Sequence[Passage]:
    """The best sections, of the parts of a question in turn."""
    found = retriever.find(retriever.understand(question.text, question.history))
    turns = chain.from_iterable(zip_longest(*((*item.sections, *item.further) for item in found.retrievals)))
    return list({section.id: section for section in turns if section}.values())[:k]


def whole(retriever: Retriever) -> Search:
    """As the product searches: parts of a question each on their own."""
    return lambda question: retriever.find(retriever.understand(question.text, question.history)).passages


def variants(assistant: Assistant, scratch: Path) -> Iterator[tuple[str, Search]]:
    settings = assistant.settings
    retriever = Retriever(settings, assistant.index, assistant.encoder, load_reranker(settings))
    yield from ((label, partial(chunks, retriever, name)) for label, name in STAGES.items())
    yield "+ whole sections", lambda question: retriever.assemble(candidates(retriever, question))[0][:8]
    yield "+ parts", partial(sections, retriever, 8)
    yield "+ what stands beside (the product, k=8)", whole(retriever)
    yield f"{SECTIONS} sections instead", partial(sections, retriever, SECTIONS)
    for k in DEPTHS:
        changed = settings.model_copy(update={"passages": k})
        yield f"product, k={k}", whole(Retriever(changed, assistant.index, assistant.encoder, load_reranker(changed)))
    documents = [entry.document for entry in assistant.index.catalogue.entries()]
    silent = [replace(document, asks={}) for document in documents]
    yield "product without asks", whole(built(settings, assistant.encoder, silent, scratch / "silent"))
    for size in CHUNK_SIZES:
        changed = settings.model_copy(update={"chunk_tokens": size})
        yield f"product, chunks of {size} tokens", whole(built(changed, assistant.encoder, documents, scratch / str(size)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m evals.ablate", description=__doc__)
    parser.add_argument("--split", choices=dataset.SPLITS, default="dev")
    options = parser.parse_args()
    console = Console(width=120)
    assistant = Assistant(load_settings())
    evidence = Evidence(assistant.index.catalogue, assistant.settings.corpus_dir)
    questions = [question for question in dataset.load(options.split) if question.answerable]
    table = Table("retrieval", *SHOWN, "recall@8, 95 % interval", "words", box=None)
    with tempfile.TemporaryDirectory(prefix="prep-ablate-") as scratch:
        for name, search in variants(assistant, Path(scratch)):
            rows = []
            for question in track(questions, name, console=console, transient=True):
                passages = search(question)
                metrics, ranks = retrieval_metrics([evidence.places(fact) for fact in question.facts], passages)
                metrics["in all k"] = average([rank is not None for rank in ranks])
                metrics["words"] = sum(len(passage.text.split()) for passage in passages)
                rows.append({"metrics": metrics})
            found = figures(rows)
            interval = f"\\[{found['recall@8']['low']:.3f}, {found['recall@8']['high']:.3f}]"
            table.add_row(name, *(f"{found[name]['mean']:.3f}" for name in SHOWN), interval, f"{found['words']['mean']:.0f}")
    console.print(table)
    console.print(f"{len(questions)} questions of {options.split}", highlight=False)


if __name__ == "__main__":
    command(main)
