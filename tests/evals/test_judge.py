"""ragas's own metrics with the local judge, and with a chat model behind a real server; a verdict off the menu is no verdict."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from ragas.metrics.collections import FactualCorrectness
from ragas.metrics.collections.faithfulness.util import NLIStatementOutput

from evals.dataset import Evidence
from evals.judge import Judge, LocalJudge, load_judge
from evals.run import figures, one_row
from rag.assistant import Assistant
from rag.errors import ModelProblem
from tests.chat_server import ChatServer, Fails, Hangs, Request
from tests.evals.room import Room

DROPOUT = "Dropout zeroes each unit with probability p during training. At inference nothing is dropped."
OTHER = "Glaciers carve valleys out of rock."


def faithfulness(judge: Judge, answer: str, context: str) -> float | None:
    return asyncio.run(judge.of_answer("What does dropout do?", DROPOUT, answer, [context]))["ragas_faithfulness"]


def test_faithfulness_is_the_share_of_sentences_the_context_supports(room: Room) -> None:
    assert faithfulness(room.judge, DROPOUT, DROPOUT) == 1
    assert faithfulness(room.judge, f"{DROPOUT} {OTHER} {OTHER[:-1]} slowly.", DROPOUT) == 0.5
    assert faithfulness(room.judge, OTHER, DROPOUT) == 0


def test_an_altered_number_is_not_supported(room: Room) -> None:
    context = "A sample of 1,000 rows gives a standard error of 0.016 for a share of one half."
    claims = [context, context.replace("0.016", "0.16"), context.replace("1,000", "4,000")]
    assert asyncio.run(room.judge.supported(context, claims)) == [True, False, False]


def test_context_recall_and_precision_see_which_passage_states_the_reference(room: Room) -> None:
    def measured(*contexts: str) -> tuple[float | None, float | None]:
        found = asyncio.run(room.judge.of_retrieval("What does dropout do?", DROPOUT, list(contexts)))
        return found["ragas_context_recall"], found["ragas_context_precision"]

    assert measured(DROPOUT) == pytest.approx((1, 1))
    assert measured(OTHER) == pytest.approx((0, 0))
    assert measured(OTHER, DROPOUT) == pytest.approx((1, 0.5)), "the useful one stands second"
    assert measured(DROPOUT, OTHER) == pytest.approx((1, 1))


def test_similarity_is_one_for_the_same_words_and_falls_with_the_subject(room: Room) -> None:
    def similarity(answer: str) -> float:
        value = asyncio.run(room.judge.of_answer("?", DROPOUT, answer, [DROPOUT]))["ragas_semantic_similarity"]
        assert value is not None
        return value

    assert similarity(DROPOUT) == pytest.approx(1, abs=1e-5)
    assert similarity(OTHER) < 0.3 < similarity("Units are dropped at random while the network trains.")


def test_what_cannot_be_scored_is_none_and_not_nan(room: Room) -> None:
    assert faithfulness(room.judge, "…", DROPOUT) in (None, 0.0)
    assert asyncio.run(room.judge.supported("  ", ["anything"])) == [False]
    assert asyncio.run(room.judge.supported(DROPOUT, [])) == []


def test_the_local_judge_says_which_prompts_it_cannot_answer(room: Room) -> None:
    metric = FactualCorrectness(llm=LocalJudge(room.assistant))
    with pytest.raises(NotImplementedError, match="--judge llm"):
        asyncio.run(metric.ascore(response=DROPOUT, reference=DROPOUT))


class Muddled(LocalJudge):
    """Gives one verdict fewer than it was asked for, or one that is not on the menu."""

    def __init__(self, assistant: Assistant, verdicts: list[Any]) -> None:
        super().__init__(assistant)
        self._verdicts = verdicts

    def generate(self, prompt: str, response_model: type[BaseModel]) -> Any:
        if response_model is not NLIStatementOutput:
            return super().generate(prompt, response_model)
        items = [{"statement": "", "reason": "", "verdict": verdict} for verdict in self._verdicts]
        return NLIStatementOutput.model_validate({"statements": items})


@pytest.mark.parametrize(("verdicts", "named"), [([1], "1 verdicts on 2 statements"), ([1, "maybe"], "verdict")])
def test_verdicts_off_the_menu_or_too_few_are_an_error_and_never_a_no(room: Room, verdicts: list[Any], named: str) -> None:
    judge = Judge(Muddled(room.assistant, verdicts), room.assistant.encoder)
    with pytest.raises((ValueError, ValidationError), match=named):
        asyncio.run(judge.supported("some context", ["one", "two"]))


def test_a_row_whose_judge_went_off_the_menu_is_failed_and_enters_no_mean(room: Room) -> None:
    evidence = Evidence(room.assistant.index.catalogue, room.settings.corpus_dir)
    question = next(question for question in room.questions if question.answerable)
    muddled = Judge(Muddled(room.assistant, ["maybe"]), room.assistant.encoder)
    rows = [one_row(room.assistant, judge, question, evidence, "standard") for judge in (room.judge, muddled)]
    assert [row["status"] for row in rows] == ["scored", "failed"], rows[0].get("error")
    assert rows[1]["error"].startswith("ValidationError") and rows[1]["metrics"] == {}
    assert figures(rows)["recall@8"]["scored"] == 1


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with ChatServer().running() as server:
        yield server


@pytest.fixture
def chat_judge(room: Room, server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> Judge:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    monkeypatch.setattr("rag.llm.FIRST_WAIT", 0.01)
    assistant = Assistant(
        room.settings.model_copy(
            update={"llm": "openai:answers", "llm_base_url": server.url, "llm_timeout": 5, "llm_budget": 0.5}
        )
    )
    return load_judge("llm", assistant, "openai:judges")


def verdicts(request: Request) -> str:
    """Supports what mentions dropout."""
    given = json.loads(request.last.rsplit("\ninput: ", 1)[1].rsplit("\nOutput:", 1)[0])
    items = [{"statement": text, "reason": "r", "verdict": int("ropout" in text)} for text in given["statements"]]
    return json.dumps({"statements": items})


def test_a_chat_model_judges_over_http_row_after_row(chat_judge: Judge, server: ChatServer) -> None:
    server.plays(verdicts)
    for _ in range(3):  # each row has an event loop of its own: a connection kept from the one before must not break it
        assert asyncio.run(chat_judge.supported("context", ["Dropout it is.", "Glaciers."])) == [True, False]
    assert [request.body["model"] for request in server.requests] == ["judges"] * 3
    assert chat_judge.name == "llm openai:judges"


def test_the_model_that_answers_judges_when_no_other_is_named(
    room: Room, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    assistant = Assistant(room.settings.model_copy(update={"llm": "openai:answers", "llm_base_url": server.url}))
    assert load_judge("llm", assistant).name == "llm openai:answers"


def test_an_llm_judge_without_a_model_is_refused_in_a_sentence(room: Room) -> None:
    with pytest.raises(ModelProblem, match="PREP_LLM"):
        load_judge("llm", room.assistant)


def test_a_judge_that_is_asked_too_much_for_a_moment_costs_no_row(chat_judge: Judge, server: ChatServer) -> None:
    server.plays(Fails(429, {"Retry-After": "0.05"}), Hangs(0), verdicts)
    assert asyncio.run(chat_judge.supported("context", ["Dropout it is."])) == [True]
    assert len(server.requests) == 3


@pytest.mark.parametrize("said", ['{"statements": [{"statement": "", "reason": "", "verdict": "maybe"}]}', "I think so.", "{}"])
def test_a_chat_model_off_the_menu_makes_an_error_and_not_a_verdict(chat_judge: Judge, server: ChatServer, said: str) -> None:
    server.plays(said)
    with pytest.raises(Exception, match=r"(?i)validation|json|parse"):
        asyncio.run(chat_judge.supported("context", ["one"]))
    assert len(server.requests) == 1, "asked again, it would say the same"


def test_a_judge_that_is_down_fails_the_row_and_costs_no_other(room: Room, chat_judge: Judge, server: ChatServer) -> None:
    evidence = Evidence(room.assistant.index.catalogue, room.settings.corpus_dir)
    question = replace(next(question for question in room.questions if question.answerable), text="What is dropout?")
    server.plays(Fails(500))
    row = one_row(room.assistant, chat_judge, question, evidence, "standard")
    assert (row["status"], row["metrics"]) == ("failed", {}) and "sk-none" not in json.dumps(row)
    assert row["error"].startswith("NoReply: The judge has a fault (500)") and len(server.requests) > 1
