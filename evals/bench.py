"""`python -m evals.bench`: speed, as ratios to a baseline measured in the same run.

Processor time is this process's own, so a busy machine disturbs it little; both sides may use one thread.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings
from rich.console import Console

from evals import dataset
from evals.command import command
from evals.metrics import bootstrap_interval
from ingest.sync import synchronise
from rag.assistant import Assistant
from rag.embed import OnnxEncoder, load_encoder
from rag.index import Index, fingerprint
from rag.settings import Settings

ROUNDS = 3
console = Console(width=120)


def cpu_milliseconds(work: Callable[..., Any], *given: Any) -> float:
    started = time.process_time()
    work(*given)
    return 1000 * (time.process_time() - started)


def ratio_line(name: str, baseline: Sequence[float], ours: Sequence[float], unit: str) -> None:
    """Medians, and the median of the paired ratios with its bootstrap interval."""
    ratios = [theirs / own for theirs, own in zip(baseline, ours, strict=True)]
    low, high = bootstrap_interval(ratios)
    console.print(
        f"{name}: ours {statistics.median(ours):.2f} {unit}, baseline {statistics.median(baseline):.2f} {unit}, "
        f"ratio {statistics.median(ratios):.2f} (mean {np.mean(ratios):.2f}, 95 % [{low:.2f}, {high:.2f}], {len(ratios)} pairs)"
    )


def bench_questions(settings: Settings) -> None:
    """One question, warm: retrieve + rerank + compose, against LangChain's EnsembleRetriever over the same chunks."""
    questions = [question.text for question in dataset.sample(dataset.load("dev"), 150) if question.answerable]
    assistant = Assistant(settings)
    baseline = ensemble_retriever(settings)
    for question in questions[:10]:
        assistant.ask(question)
        baseline(question)
    ours, theirs = [], []
    for question in questions * ROUNDS:
        ours.append(cpu_milliseconds(assistant.ask, question))
        theirs.append(cpu_milliseconds(baseline, question))
    ratio_line("one question, warm", theirs, ours, "ms of CPU")


def ensemble_retriever(settings: Settings) -> Callable[[str], Any]:
    """LangChain as its tutorials build it: BM25Retriever and Chroma, equal weights, ten each."""
    import torch
    from langchain_chroma import Chroma
    from langchain_classic.retrievers import EnsembleRetriever
    from langchain_community.retrievers import BM25Retriever
    from langchain_core.documents import Document

    torch.set_num_threads(settings.threads)
    documents = [Document(text, metadata={"row": row}) for row, text in enumerate(indexed_texts(settings))]
    dense = Chroma.from_documents(documents, TorchEmbeddings(), collection_metadata={"hnsw:space": "cosine"})
    lexical = BM25Retriever.from_documents(documents, k=10)
    both = EnsembleRetriever(retrievers=[lexical, dense.as_retriever(search_kwargs={"k": 10})], weights=[0.5, 0.5])
    return both.invoke


class TorchEmbeddings(Embeddings):
    """sentence-transformers in LangChain's form."""

    def __init__(self) -> None:
        from sentence_transformers import SentenceTransformer

        from rag.export import packaged_model

        self._model = SentenceTransformer(str(packaged_model()), device="cpu")

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [list(map(float, vector)) for vector in self._model.encode(texts, batch_size=32, show_progress_bar=False)]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def indexed_texts(settings: Settings) -> list[str]:
    index = Index.open(settings, fingerprint(settings, OnnxEncoder.name))
    passages = index.passages(range(len(index.ids)))
    return [" > ".join(passage.source.heading_path) + "\n" + passage.text for passage in passages]


def write_notes(folder: Path, texts: dict[str, str]) -> None:
    folder.mkdir()
    for name, text in texts.items():
        (folder / name).write_text(text)


def bench_ingest(settings: Settings) -> None:
    """Chunks per CPU-second: the whole of an ingest, against sentence-transformers in fp32 and a Chroma add."""
    import chromadb
    import torch

    torch.set_num_threads(settings.threads)
    model = TorchEmbeddings()
    encoder = load_encoder(settings)
    texts = indexed_texts(settings)[::4]
    ids = [f"{row:05}" for row in range(len(texts))]

    def ingest(target: Settings) -> None:
        synchronise(target, [target.corpus_dir], encoder=encoder)

    def baseline() -> None:
        collection = chromadb.EphemeralClient().get_or_create_collection(f"bench{time.time_ns()}", embedding_function=None)
        collection.add(ids=ids, embeddings=np.array(model.embed_documents(texts)), documents=texts)

    ours, theirs = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as scratch:
            target = settings.model_copy(update={"corpus_dir": Path(scratch) / "corpus", "data_dir": Path(scratch) / "data"})
            write_notes(target.corpus_dir, {f"{name}.txt": text for name, text in zip(ids, texts, strict=True)})
            spent = cpu_milliseconds(ingest, target)
            ours.append(spent / len(Index.open(target, fingerprint(target, encoder.name)).ids))
        theirs.append(cpu_milliseconds(baseline) / len(texts))
    ratio_line(f"ingest of {len(texts)} chunks", theirs, ours, "ms of CPU a chunk")


def bench_unchanged(settings: Settings) -> None:
    """A corpus of 1,000 files that has not changed."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "corpus"
        write_notes(folder, {f"{n:04}.md": f"# Note {n}\n\nFact {n} stands alone in its file.\n" for n in range(1000)})
        environment = {"PREP_DATA_DIR": f"{scratch}/data", "PREP_MODELS_DIR": str(settings.models_dir.resolve())}
        walls = []
        for _ in range(6):
            run = measured([sys.executable, "-m", "ingest", "--json", str(folder)], environment)
            walls.append((run["seconds"], json.loads(run["output"])["seconds"]))
        whole, inside = (statistics.median(column) for column in zip(*walls[1:], strict=True))
        console.print(
            f"re-ingest of 1,000 unchanged files: {inside:.2f} s, {whole:.2f} s with Python's start (median of 5); "
            "embedding calls: the suite asserts none"
        )


def bench_cold() -> None:
    """`python -m rag "…"` from nothing to the printed answer."""
    runs = [measured([sys.executable, "-m", "rag", "How do I debug train-serve skew?"], {}) for _ in range(6)][1:]
    fastest, *_, slowest = walls = sorted(run["seconds"] for run in runs)
    console.print(
        f"cold question on the command line: {statistics.median(walls):.2f} s wall ({fastest:.2f} to {slowest:.2f}, 5 runs), "
        f"{max(run['megabytes'] for run in runs):.0f} MB at most"
    )


def measured(command: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """Wall seconds, peak memory and output of a command run to its end."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, env={**os.environ, **environment})
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(command)} failed with exit code {process.returncode}")
        out.seek(0)
        return {"seconds": seconds, "megabytes": usage.ru_maxrss / 1024, "output": out.read().decode()}


@command
def main() -> int:
    settings = Settings().model_copy(update={"threads": 1})
    console.print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start; one thread a side")
    bench_cold()
    bench_unchanged(settings)
    bench_questions(settings)
    bench_ingest(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
