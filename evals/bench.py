"""`python -m evals.bench`: speed, as ratios to a baseline measured in the same run.

Processor time is this process's own, so a busy machine disturbs it little; both sides may use one thread.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evals import dataset
from evals.command import command
from evals.metrics import bootstrap_interval
from ingest.sync import synchronise
from rag.assistant import Assistant
from rag.embed import OnnxEncoder, load_encoder
from rag.index import Index, fingerprint
from rag.settings import Settings

ROUNDS = 3
QUESTION = "How do I debug train-serve skew?"


def cpu_milliseconds(work: Callable[..., Any], *given: Any, **named: Any) -> float:
    started = time.process_time()
    work(*given, **named)
    return 1000 * (time.process_time() - started)


def ratio_line(name: str, baseline: Sequence[float], ours: Sequence[float], unit: str) -> None:
    """Medians, and the median of the paired ratios with its bootstrap interval."""
    ratios = [theirs / own for theirs, own in zip(baseline, ours, strict=True)]
    low, high = bootstrap_interval(ratios)
    print(
        f"{name}: ours {statistics.median(ours):.2f} {unit}, baseline {statistics.median(baseline):.2f} {unit}, "
        f"ratio {statistics.median(ratios):.2f} (mean {np.mean(ratios):.2f}, 95 % [{low:.2f}, {high:.2f}], {len(ratios)} pairs)"
    )


def torch_embeddings(settings: Settings) -> Any:
    """sentence-transformers in LangChain's form; its successor would be one more package."""
    import torch
    from langchain_community.embeddings import HuggingFaceEmbeddings

    from rag.export import packaged_model

    warnings.filterwarnings("ignore", message="The class `HuggingFaceEmbeddings` was deprecated")
    torch.set_num_threads(settings.threads)
    return HuggingFaceEmbeddings(model_name=str(packaged_model()), model_kwargs={"device": "cpu"})


def indexed_texts(settings: Settings) -> list[str]:
    index = Index.open(settings, fingerprint(settings, OnnxEncoder.name))
    passages = index.passages(range(len(index.ids)))
    return [" > ".join(passage.source.heading_path) + "\n" + passage.text for passage in passages]


def ensemble_retriever(settings: Settings) -> Callable[[str], Any]:
    """LangChain as its tutorials build it: BM25Retriever and Chroma, equal weights, ten each."""
    from langchain_chroma import Chroma
    from langchain_classic.retrievers import EnsembleRetriever
    from langchain_community.retrievers import BM25Retriever

    texts = indexed_texts(settings)
    dense = Chroma.from_texts(texts, torch_embeddings(settings), collection_metadata={"hnsw:space": "cosine"})
    lexical = BM25Retriever.from_texts(texts, k=10)
    both = EnsembleRetriever(retrievers=[lexical, dense.as_retriever(search_kwargs={"k": 10})], weights=[0.5, 0.5])
    return both.invoke


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


def bench_ingest(settings: Settings) -> None:
    """Chunks per CPU-second: the whole of an ingest, against sentence-transformers in fp32 and a Chroma add."""
    import chromadb

    model, encoder = torch_embeddings(settings), load_encoder(settings)
    texts = indexed_texts(settings)[::4]
    ids = [f"{row:05}" for row in range(len(texts))]

    def baseline() -> None:
        collection = chromadb.EphemeralClient().get_or_create_collection(f"bench{time.time_ns()}", embedding_function=None)
        collection.add(ids=ids, embeddings=np.array(model.embed_documents(texts)), documents=texts)

    ours, theirs = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as scratch:
            target, notes = settings.model_copy(update={"data_dir": Path(scratch, "data")}), Path(scratch, "notes")
            notes.mkdir()
            for name, text in zip(ids, texts, strict=True):
                (notes / f"{name}.txt").write_text(text)
            spent = cpu_milliseconds(synchronise, target, [notes], encoder=encoder)
            ours.append(spent / len(Index.open(target, fingerprint(target, encoder.name)).ids))
        theirs.append(cpu_milliseconds(baseline) / len(texts))
    ratio_line(f"ingest of {len(texts)} chunks", theirs, ours, "ms of CPU a chunk")


def bench_cold() -> None:
    """`python -m rag "…"` from nothing to the printed answer; the first run only warms the disk."""
    walls = []
    for _ in range(6):
        started = time.perf_counter()
        if subprocess.run([sys.executable, "-m", "rag", QUESTION], stdout=subprocess.DEVNULL).returncode:
            sys.exit("python -m rag failed")
        walls.append(time.perf_counter() - started)
    fastest, *_, slowest = walls = sorted(walls[1:])
    print(
        f"cold question on the command line: {statistics.median(walls):.2f} s wall ({fastest:.2f} to {slowest:.2f}, 5 runs), "
        f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:.0f} MB at most"
    )


def main() -> None:
    settings = Settings().model_copy(update={"threads": 1})
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start; one thread a side")
    bench_cold()
    bench_questions(settings)
    bench_ingest(settings)


if __name__ == "__main__":
    command(main)
