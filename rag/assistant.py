"""`Assistant.ask`: the one path from a question to an answer that the app, the command line and the evaluation all take."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from rag.cite import Cited
from rag.compose import compose
from rag.embed import load_encoder
from rag.evidence import enough_of, weigh
from rag.generate import Generation, rewritten
from rag.index import Index, Manifest, fingerprint
from rag.llm import Chat, NoReply
from rag.orders import disarmed
from rag.rerank import load_reranker
from rag.retrieve import Found, Retrieval, Retriever
from rag.settings import Settings
from rag.types import Answer, Citation, Filters, Length, Passage, Source, Turn
from rag.verify import Checker

NEAREST = 3


class Assistant:
    """Answers questions from the current generation of the index; safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        with ThreadPoolExecutor(1) as pool:  # Chroma's import and the model's load take about as long: do both at once
            importing = pool.submit(__import__, "chromadb")
            self.encoder = load_encoder(settings)
            importing.result()
        self._fingerprint = fingerprint(settings, self.encoder.name)
        self._reranker = load_reranker(settings)
        self._retriever = self._open()

    def ask(
        self, question: str, history: Sequence[Turn] = (), filters: Filters = Filters(), length: Length = "standard"
    ) -> Answer:
        *_, answer = self.stream(question, history, filters, length)
        assert isinstance(answer, Answer)
        return answer

    def retrieve(self, question: str, history: Sequence[Turn] = (), filters: Filters = Filters()) -> Found:
        """The passages an answer would be made of."""
        return search(self._current(), question, history, filters)

    def stream(
        self, question: str, history: Sequence[Turn] = (), filters: Filters = Filters(), length: Length = "standard"
    ) -> Iterator[str | Citation | Answer]:
        """The answer's text as it comes, each citation before the words that carry its number; then the answer itself, which has
        both right where a check changed what was shown."""
        started = time.perf_counter()
        retriever = self._current()
        chat = Chat(self.settings) if self.settings.llm else None
        found = search(retriever, question, history, filters, chat)
        weighed = [weigh(retrieval, retriever.index) for retrieval in found.retrievals]
        trace: dict[str, Any] = {**found.trace, "evidence": max(weighed, key=lambda item: item.strength).as_dict()}
        enough = enough_of([item.strength for item in weighed])
        safe = harmless(found)
        generation = Generation(chat, Checker(self.encoder, retriever.index), safe.passages) if chat and any(enough) else None
        cited: Cited | None = None
        if generation:
            generating = time.perf_counter()
            try:
                cited = yield from generation.stream(question, history, length)
                enough = []  # the model has answered, or said that the passages do not
            except NoReply as fault:
                trace["notes"] = [f"The chat model {fault}, so this answer is quoted from the guides."]
            trace["model"] = generation.record()
            trace["milliseconds"]["generate"] = round((time.perf_counter() - generating) * 1000, 3)
        composing = time.perf_counter()
        if any(enough):
            cited = compose(safe, enough, retriever.index, length, history)
        trace["milliseconds"]["compose"] = round((time.perf_counter() - composing) * 1000, 3)
        said = cited or Cited(refusal(found.passages), ())
        answer = Answer(question, "answered" if cited else "not_in_corpus", said.text, said.citations, found.passages, trace)
        if not (generation and generation.shown):
            yield from answer.citations
            yield from (block + "\n\n" for block in answer.text.split("\n\n"))
        trace["milliseconds"]["total"] = round((time.perf_counter() - started) * 1000, 3)
        yield answer

    @property
    def index(self) -> Index:
        return self._current().index

    def _current(self) -> Retriever:
        """The retriever over the newest generation: a writer may have committed one since the last question."""
        with self._lock:
            if Manifest.read(self.settings) != self._retriever.index.manifest:
                self._retriever = self._open()
            return self._retriever

    def _open(self) -> Retriever:
        index = Index.open(self.settings, self._fingerprint)
        return Retriever(self.settings, index, self.encoder, self._reranker)


def search(retriever: Retriever, question: str, history: Sequence[Turn], filters: Filters, chat: Chat | None = None) -> Found:
    """What is found for the question; a follow-up is first put in words that stand alone, by the model where there is one."""
    if chat and history and (alone := rewritten(chat, question, history)):
        question, history = alone, ()
    return retriever.find(retriever.understand(question, history), filters)


def harmless(found: Found) -> Found:
    """What was found less the orders that stand in it."""

    def disarm(retrieval: Retrieval) -> Retrieval:
        return replace(retrieval, sections=tuple(map(disarmed, retrieval.sections)), twins=tuple(map(disarmed, retrieval.twins)))

    return replace(
        found,
        retrievals=tuple(map(disarm, found.retrievals)),
        passages=tuple(map(disarmed, found.passages)),
        premise=found.premise and disarm(found.premise),
    )


def refusal(passages: Sequence[Passage]) -> str:
    topics = list(dict.fromkeys(topic(passage.source) for passage in passages))[:NEAREST]
    return "The guides do not answer this." + (f" The nearest they come: {'; '.join(topics)}." if topics else "")


def topic(source: Source) -> str:
    return f"{source.heading_path[-1].rstrip('?.')} ({source.title})" if len(source.heading_path) > 1 else source.title
