"""A small real evaluation: six guides, the golden questions they answer and some they must not, the local judge with a memory."""

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import chdir
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from evals import dataset
from evals.dataset import Evidence, Question
from evals.judge import Judge, LocalJudge
from evals.run import Config, gates, one_row, summarise
from ingest.sync import synchronise
from rag.assistant import Assistant
from rag.embed import Encoder, Encoding
from rag.settings import Settings
from tests.conftest import make_settings

CORPUS = Path(__file__).parents[2] / "corpus"
GUIDES = (
    "behavioural/failure-conflict-and-ambiguity.md",
    "coding/streaming-and-top-k.md",
    "deep-learning/normalisation-and-dropout.md",
    "evaluation/precision-and-recall.md",
    "fundamentals/bias-variance-and-overfitting.md",
    "statistics/ab-test-pitfalls.md",
)
UNANSWERABLE = 8
LEAST = ("recall@1", "recall@8", "mrr", "facts_stated", "facts_quoted", "citation_recall", "citation_precision", "refused")
MOST = ("hallucination", "over_refusal")


class RememberingEncoder:
    """The same vectors without the second forward pass."""

    def __init__(self, inner: Encoder) -> None:
        self.name, self.dimension, self.count, self.knows = inner.name, inner.dimension, inner.count, inner.knows
        self._inner = inner
        self._known: dict[str, Encoding] = {}

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        new = sorted({text for text in texts if text not in self._known})
        self._known |= dict(zip(new, self._inner.encode(new), strict=True))
        return [self._known[text] for text in texts]


class RememberingJudge(LocalJudge):
    """The same verdict on the same prompt without the second look."""

    def __init__(self, assistant: Assistant) -> None:
        super().__init__(assistant)
        self._given: dict[tuple[str, str], Any] = {}

    def generate(self, prompt: str, response_model: type[BaseModel]) -> Any:
        key = prompt, response_model.__name__
        if key not in self._given:
            self._given[key] = super().generate(prompt, response_model)
        return self._given[key]


class QuickJudge(Judge):
    """Leaves out ragas's own metrics, which read every passage and take most of the time: test_judge.py holds them to account."""

    async def of_retrieval(self, question: str, reference: str, contexts: list[str]) -> dict[str, float | None]:
        return {}

    async def of_answer(self, question: str, reference: str, answer: str, contexts: list[str]) -> dict[str, float | None]:
        return {}


@dataclass(frozen=True)
class Room:
    folder: Path
    settings: Settings
    assistant: Assistant
    judge: Judge
    quick: Judge
    questions: list[Question]

    def rows(self, assistant: Assistant | None = None) -> list[dict[str, Any]]:
        assistant = assistant or self.assistant
        evidence = Evidence(assistant.index.catalogue, assistant.settings.corpus_dir)
        return [one_row(assistant, self.quick, question, evidence, "standard") for question in self.questions]

    def summary(self, assistant: Assistant | None = None) -> dict[str, Any]:
        assistant = assistant or self.assistant
        evidence = Evidence(assistant.index.catalogue, assistant.settings.corpus_dir)
        return summarise(self.rows(assistant), self.config, len(evidence.lost(self.questions)))

    @property
    def config(self) -> Config:
        return Config("dev", None, "standard", "local", "composer", "generation", dataset.digest(self.questions))

    def changed(self, folder: Path, change: Callable[[Path], None] = lambda corpus: None, **settings: object) -> Assistant:
        """An assistant over a copy of the guides, ingested after a change."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        change(folder / "corpus")
        return ingested(folder, make_settings(folder, **settings))


def ingested(folder: Path, settings: Settings) -> Assistant:
    with chdir(folder):
        synchronise(settings, [])
    return Assistant(settings)


def build(folder: Path) -> Room:
    for name in GUIDES:
        target = folder / "corpus" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        for suffix in (".md", ".asks"):
            shutil.copy((CORPUS / name).with_suffix(suffix), target.parent)
    settings = make_settings(folder)
    assistant = ingested(folder, settings)
    assistant.encoder = RememberingEncoder(assistant.encoder)
    llm = RememberingJudge(assistant)
    judge, quick = Judge(llm, assistant.encoder), QuickJudge(llm, assistant.encoder)
    return Room(folder, settings, assistant, judge, quick, questions())


def questions() -> list[Question]:
    """Those whose every fact stands in one of the guides, told to look for it there only."""
    golden = [within(question) for question in dataset.load("dev")]
    answerable = [question for question in golden if question.facts and all(fact.quotes for fact in question.facts)]
    unanswerable = [question for question in dataset.load("dev") if not question.answerable]
    return answerable + dataset.sample(unanswerable, UNANSWERABLE)


def within(question: Question) -> Question:
    facts = tuple(replace(fact, quotes=tuple(quote for quote in fact.quotes if quote.doc in GUIDES)) for fact in question.facts)
    return replace(question, facts=facts)


def gates_at(summary: dict[str, Any], path: Path) -> Path:
    """A gates file that allows what lies within the intervals of this run."""
    metrics = summary["metrics"]
    lines = ["[dev]", f"questions = {json.dumps(summary['config']['questions'])}"]
    lines += ["[dev.least]", *(f'"{name}" = {metrics[name]["low"]}' for name in LEAST)]
    lines += ["[dev.most]", *(f'"{name}" = {metrics[name]["high"]}' for name in MOST)]
    path.write_text("\n".join(lines) + "\n")
    return path


def reported(summary: dict[str, Any], path: Path) -> set[str]:
    """The measures that the gates name."""
    return {line.split(" is ")[0] if " is " in line else line for line in gates(summary, path)}
