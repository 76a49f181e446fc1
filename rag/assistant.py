"""`Assistant.ask`: the one path from a question to an answer that the app, the command line and the evaluation all take."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rag.compose import compose
from rag.embed import load_encoder
from rag.evidence import weigh
from rag.index import Index, Manifest, fingerprint
from rag.rerank import load_reranker
from rag.retrieve import Retrieval, Retriever
from rag.settings import Settings
from rag.types import Answer, Filters, Passage, Turn
from rag.understand import understand

ENOUGH = 0.48  # evidence below this strength is answered with a refusal
NEAREST = 3


class Assistant:
    """Answers questions from the current generation of the index; safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        with ThreadPoolExecutor(1) as pool:  # Chroma's import and the model's load take about as long: do both at once
            importing = pool.submit(__import__, "chromadb")
            self._encoder = load_encoder(settings)
            importing.result()
        self._fingerprint = fingerprint(settings, self._encoder.name)
        self._reranker = load_reranker(settings)
        self._retriever = self._open()

    def ask(self, question: str, history: Sequence[Turn] = (), filters: Filters = Filters()) -> Answer:
        started = time.perf_counter()
        retriever = self._current()
        retrieval = search(retriever, question, history, filters)
        evidence = weigh(retrieval, retriever.index)
        trace: dict[str, Any] = {**retrieval.trace, "evidence": evidence.as_dict()}
        composing = time.perf_counter()
        enough = evidence.strength >= ENOUGH
        cited = compose(retrieval, retriever.index, self._settings.answer_words) if enough else None
        trace["milliseconds"]["compose"] = round((time.perf_counter() - composing) * 1000, 3)
        if cited is None:
            answer = Answer(question, "not_in_corpus", refusal(retrieval), (), retrieval.passages, trace)
        else:
            answer = Answer(question, "answered", cited.text, cited.citations, retrieval.passages, trace)
        trace["milliseconds"]["total"] = round((time.perf_counter() - started) * 1000, 3)
        return answer

    def retrieve(self, question: str, history: Sequence[Turn] = (), filters: Filters = Filters()) -> Retrieval:
        """The passages an answer would be made of."""
        return search(self._current(), question, history, filters)

    def stream(self, question: str, history: Sequence[Turn] = (), filters: Filters = Filters()) -> Iterator[str | Answer]:
        """The answer's text block by block, then the answer itself."""
        answer = self.ask(question, history, filters)
        for block in answer.text.split("\n\n"):
            yield block + "\n\n"
        yield answer

    @property
    def index(self) -> Index:
        return self._current().index

    def _current(self) -> Retriever:
        """The retriever over the newest generation: a writer may have committed one since the last question."""
        with self._lock:
            if Manifest.read(self._settings) != self._retriever.index.manifest:
                self._retriever = self._open()
            return self._retriever

    def _open(self) -> Retriever:
        index = Index.open(self._settings, self._fingerprint)
        return Retriever(self._settings, index, self._encoder, self._reranker)


def search(retriever: Retriever, question: str, history: Sequence[Turn], filters: Filters) -> Retrieval:
    return retriever.retrieve(understand(question, history, retriever.speller), filters)


def refusal(retrieval: Retrieval) -> str:
    text = "The guides do not answer this."
    topics = nearest_topics(retrieval.passages)
    if topics:
        text += " The nearest they come: " + "; ".join(topics) + "."
    return text


def nearest_topics(passages: Sequence[Passage]) -> list[str]:
    names: list[str] = []
    for passage in passages:
        source = passage.source
        name = source.title if len(source.heading_path) < 2 else f"{source.heading_path[-1].rstrip('?.')} ({source.title})"
        if name not in names:
            names.append(name)
    return names[:NEAREST]
