"""ragas, and who answers its prompts: a chat model when one is configured, else the local judge.

The local judge is no language model. It splits answers at sentence ends and decides by `rag.verify`; how far it agrees with
people is measured by `python -m evals.checker`. Wherever its verdicts are shown they are named "local".
"""

import asyncio
import json
import math
import os
import time
from collections.abc import Sequence
from typing import Any

os.environ.setdefault("RAGAS_DO_NOT_TRACK", "true")

from pydantic import BaseModel
from ragas.embeddings.base import BaseRagasEmbedding
from ragas.llms.base import InstructorBaseRagasLLM
from ragas.metrics.collections import AnswerRelevancy, ContextPrecision, ContextRecall, Faithfulness, SemanticSimilarity
from ragas.metrics.collections.base import BaseMetric
from ragas.metrics.collections.faithfulness.util import NLIStatementInput, NLIStatementOutput, NLIStatementPrompt

from rag.assistant import Assistant
from rag.embed import Encoder
from rag.llm import NoReply, chat_model, tried
from rag.settings import Settings
from rag.verify import Checker, pieces


class LocalJudge(InstructorBaseRagasLLM):
    """Answers ragas's structured prompts without a model."""

    name = "local"

    def __init__(self, assistant: Assistant) -> None:
        self._encoder, self._index = assistant.encoder, assistant.index
        self._checker = Checker(self._encoder, self._index)

    def generate(self, prompt: str, response_model: type[BaseModel]) -> Any:
        given = json.loads(prompt.rsplit("\ninput: ", 1)[1].rsplit("\nOutput:", 1)[0])
        match response_model.__name__:
            case "StatementGeneratorOutput":
                answer: dict[str, Any] = {"statements": pieces(given["answer"])}
            case "NLIStatementOutput":
                answer = {"statements": [self._verdict(given["context"], text, "verdict") for text in given["statements"]]}
            case "ContextRecallOutput":
                told = pieces(given["answer"])
                answer = {"classifications": [self._verdict(given["context"], text, "attributed") for text in told]}
            case "ContextPrecisionOutput":
                useful = any(self._checker.supports(given["context"], text) for text in pieces(given["answer"]))
                answer = {"reason": f"states {'a sentence' if useful else 'nothing'} of the reference", "verdict": int(useful)}
            case "AnswerRelevanceOutput":  # the question it would fit best: of all that the guides answer, the nearest one
                vector = self._encoder.encode([given["response"]])[0].vector
                (nearest,) = self._index.passages([int(self._index.arrays.asked(vector).argmax())])
                answer = {"question": nearest.source.heading_path[-1], "noncommittal": 0}
            case name:
                raise NotImplementedError(f"The local judge cannot answer {name}: use --judge llm")
        return response_model.model_validate(answer)

    async def agenerate(self, prompt: str, response_model: type[BaseModel]) -> Any:
        return self.generate(prompt, response_model)

    def _verdict(self, context: str, statement: str, key: str) -> dict[str, Any]:
        strength = self._checker.strength(context, statement)
        return {"statement": statement, "reason": f"strength {strength:.2f}", key: int(strength >= 0.5)}


class ChatJudge(InstructorBaseRagasLLM):
    """Puts ragas's prompts to a LangChain chat model, each within the budget of a question."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._model = chat_model(settings, name)
        self._budget = settings.llm_budget
        self.name = f"llm {name}"

    def generate(self, prompt: str, response_model: type[BaseModel]) -> Any:
        asked = self._model.with_structured_output(response_model)
        off_the_menu = (ValueError,)  # asked again, a model at temperature zero would say the same
        try:
            (reply,) = tried(lambda: [asked.invoke(prompt)], time.monotonic() + self._budget, [], off_the_menu)
        except NoReply as fault:
            raise NoReply(f"The judge {fault}") from None
        return reply

    async def agenerate(self, prompt: str, response_model: type[BaseModel]) -> Any:
        """In a thread: an asynchronous client would keep connections that die with the event loop of their row."""
        return await asyncio.to_thread(self.generate, prompt, response_model)


class Embeddings(BaseRagasEmbedding):
    """The product's own embedding model in ragas's form."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self._encoder = encoder

    def embed_text(self, text: str, **_: Any) -> list[float]:
        return [float(value) for value in self._encoder.encode([text])[0].vector]

    async def aembed_text(self, text: str, **_: Any) -> list[float]:
        return self.embed_text(text)


class Judge:
    """ragas's metrics and verdicts, by whichever judge answers."""

    def __init__(self, llm: LocalJudge | ChatJudge, encoder: Encoder) -> None:
        self.name = llm.name
        self._llm = llm
        self._prompt = NLIStatementPrompt()
        self._faithfulness = Faithfulness(llm=llm)
        self._recall = ContextRecall(llm=llm)
        self._precision = ContextPrecision(llm=llm)
        self._similarity = SemanticSimilarity(embeddings=Embeddings(encoder))
        strictness = 1 if llm.name == "local" else 3  # the local judge would give the same question three times
        self._relevancy = AnswerRelevancy(llm=llm, embeddings=Embeddings(encoder), strictness=strictness)

    async def supported(self, context: str, statements: Sequence[str]) -> list[bool]:
        """For each statement whether the context says so."""
        if not statements or not context.strip():
            return [False] * len(statements)
        prompt = self._prompt.to_string(NLIStatementInput(context=context, statements=list(statements)))
        output: NLIStatementOutput = await self._llm.agenerate(prompt, NLIStatementOutput)
        verdicts = [bool(item.verdict) for item in output.statements]
        if len(verdicts) != len(statements):
            raise ValueError(f"the judge gave {len(verdicts)} verdicts on {len(statements)} statements")
        return verdicts

    async def of_retrieval(self, question: str, reference: str, contexts: list[str]) -> dict[str, float | None]:
        given = {"user_input": question, "reference": reference, "retrieved_contexts": contexts}
        return {
            "ragas_context_recall": await value(self._recall, **given),
            "ragas_context_precision": await value(self._precision, **given),
        }

    async def of_answer(self, question: str, reference: str, answer: str, contexts: list[str]) -> dict[str, float | None]:
        given = {"user_input": question, "response": answer}
        return {
            "ragas_faithfulness": await value(self._faithfulness, **given, retrieved_contexts=contexts),
            "ragas_answer_relevancy": await value(self._relevancy, **given),
            "ragas_semantic_similarity": await value(self._similarity, reference=reference, response=answer),
        }


async def value(metric: BaseMetric, **given: Any) -> float | None:
    """The metric's value, or None when it could not be scored."""
    result = float((await metric.ascore(**given)).value)
    return None if math.isnan(result) else result


def load_judge(kind: str, assistant: Assistant, model: str = "") -> Judge:
    if kind == "local":
        return Judge(LocalJudge(assistant), assistant.encoder)
    return Judge(ChatJudge(assistant.settings, model or assistant.settings.llm), assistant.encoder)
