"""What is measured of one answer, against numbers worked out by hand. The judge behind ragas's seam knows what it is told."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel
from ragas.llms.base import InstructorBaseRagasLLM

from evals.dataset import Evidence, Place
from evals.judge import Judge
from evals.score import bare, citation_metrics, measure, overlaps, retrieval_metrics, says, statements
from rag.types import Answer, Citation, Passage, Source, Status
from tests.evals.room import RememberingEncoder, Room

KNOWN = {  # what follows from what, all of it needed
    "A and B.": ("about a", "about b"),
    "A.": ("about a",),
    "B.": ("about b",),
    "C.": ("about c",),
}


class Told(InstructorBaseRagasLLM):
    """Says a statement is supported when the context holds all that `KNOWN` asks for."""

    name = "told"

    def generate(self, prompt: str, response_model: type[BaseModel]) -> Any:
        given = json.loads(prompt.rsplit("\ninput: ", 1)[1].rsplit("\nOutput:", 1)[0])
        verdicts = [
            {
                "statement": text,
                "reason": "",
                "verdict": int(text in KNOWN and all(need in given["context"] for need in KNOWN[text])),
            }
            for text in given["statements"]
        ]
        return response_model.model_validate({"statements": verdicts})

    async def agenerate(self, prompt: str, response_model: type[BaseModel]) -> Any:
        return self.generate(prompt, response_model)


@pytest.fixture(scope="module")
def judge(room: Room) -> Judge:
    return Judge(Told(), room.assistant.encoder)  # type: ignore[arg-type]


def passage(text: str, doc_id: str = "a.md", start: int = 0) -> Passage:
    return Passage("p", (0,), text, (Source(doc_id, "Guide", "area", start, start + len(text), ("Guide", "Section"), 1),))


def answer(text: str, quotes: Sequence[str], passages: Sequence[str] = (), status: Status = "answered") -> Answer:
    citations = tuple(
        Citation(number, "a.md", "Guide", "Section", "a.md:1", 0, len(quote), quote) for number, quote in enumerate(quotes, 1)
    )
    return Answer("?", status, text, citations, tuple(map(passage, passages)), {"milliseconds": {"total": 1.0}})


def cited(text: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(statement.text, statement.numbers) for statement in statements(text)]


def test_each_sentence_has_the_numbers_that_stand_behind_it_and_no_others() -> None:
    assert cited("First one. [1] Second one. [2] [3] Third one has none.") == [
        ("First one.", (1,)), ("Second one.", (2, 3)), ("Third one has none.", ()),
    ]  # fmt: skip


def test_of_two_sentences_before_one_number_only_the_last_is_cited() -> None:
    assert cited("Claimed freely. Claimed with proof. [1]") == [("Claimed freely.", ()), ("Claimed with proof.", (1,))]


def test_code_and_its_indices_are_one_statement_cited_by_the_number_beneath() -> None:
    code = "```python\nx = [1]\nreturn x[0]\n```"
    assert cited(f"So. [1]\n\n{code}\n\n[2]") == [("So.", (1,)), (code, (2,))]


def test_an_index_in_inline_code_is_no_citation() -> None:
    assert cited("Read `a = [1]` as a list. [2]") == [("Read `a = [1]` as a list.", (2,))]


def test_a_table_is_one_statement_cited_by_the_number_beneath() -> None:
    table = "| a | b |\n|---|---|\n| 1 | 2 |"
    assert cited(f"{table}\n\n[3]") == [(table, (3,))]


def test_each_list_item_is_a_statement_without_its_bullet() -> None:
    assert cited("- One item [1]\n- Another item [2]\n1. Numbered [3]") == [
        ("One item", (1,)), ("Another item", (2,)), ("Numbered", (3,)),
    ]  # fmt: skip


def test_titles_of_parts_and_the_note_that_a_part_is_not_answered_claim_nothing() -> None:
    assert cited("**What is it?**\n\nIt is so. [1]\n\n**And why?**\n\n*The guides do not answer this part.*") == [
        ("It is so.", (1,))
    ]


def test_a_bold_sentence_with_a_number_is_a_claim() -> None:
    assert cited("**It is so.** [1]") == [("**It is so.**", (1,))]


def test_an_empty_answer_states_nothing() -> None:
    assert cited("") == cited("\n\n") == []


def test_an_answer_read_aloud_has_no_numbers_but_keeps_indices_in_code() -> None:
    assert bare("It is. [1] [2]\n\nTake `x[0]` first. [3]") == "It is.\n\nTake `x[0]` first."


PASSAGES = [passage("x" * 100, "a.md", 0), passage("x" * 100, "b.md", 0), passage("x" * 100, "a.md", 200)]


def test_retrieval_is_measured_by_span_against_numbers_worked_out_by_hand() -> None:
    facts = [[Place("b.md", 10, 50)], [Place("a.md", 210, 250), Place("c.md", 0, 10)], [Place("c.md", 0, 10)]]
    metrics, ranks = retrieval_metrics(facts, PASSAGES)
    assert ranks == [2, 3, None]
    assert metrics["recall@1"] == 0
    assert metrics["recall@3"] == metrics["recall@5"] == metrics["recall@8"] == pytest.approx(2 / 3)
    assert metrics["precision@8"] == pytest.approx(2 / 3)
    assert metrics["mrr"] == 0.5
    # gains at ranks 2 and 3: .6309 + .5; the ideal has three relevant passages: 1 + .6309 + .5
    assert metrics["ndcg@8"] == pytest.approx((0.63093 + 0.5) / (1 + 0.63093 + 0.5), abs=1e-4)


def test_nothing_retrieved_is_recall_zero_and_precision_not_measured() -> None:
    metrics, ranks = retrieval_metrics([[Place("a.md", 0, 10)]], [])
    assert (metrics["recall@8"], metrics["mrr"], metrics["ndcg@8"], metrics["precision@8"], ranks) == (0, 0, 0, None, [None])


def test_a_fact_whose_quotes_are_lost_counts_as_not_found() -> None:
    assert retrieval_metrics([[], [Place("a.md", 0, 10)]], PASSAGES)[0]["recall@8"] == 0.5


@pytest.mark.parametrize(
    ("start", "end", "found"), [(0, 100, True), (10, 200, True), (11, 200, False), (0, 89, False), (100, 200, False)]
)
def test_a_quote_counts_as_held_from_nine_tenths_of_its_characters(start: int, end: int, found: bool) -> None:
    assert overlaps(Place("a.md", 0, 100), "a.md", start, end) is found
    assert not overlaps(Place("a.md", 0, 100), "b.md", start, end)


def alce(judge: Judge, text: str, quotes: Sequence[str], passages: Sequence[str] = ()) -> tuple[Any, ...]:
    rates, _ = asyncio.run(citation_metrics(answer(text, quotes, passages), judge))
    return rates["citation_recall"], rates["citation_precision"], rates["hallucination"]


def test_two_citations_that_only_jointly_support_a_sentence_are_both_precise(judge: Judge) -> None:
    assert alce(judge, "A and B. [1] [2]", ["about a", "about b"]) == (1, 1, 0)


def test_a_citation_that_adds_nothing_counts_against_precision(judge: Judge) -> None:
    assert alce(judge, "A. [1] [2]", ["about a", "about c"]) == (1, 0.5, 0)


def test_two_citations_that_each_suffice_are_both_precise(judge: Judge) -> None:
    assert alce(judge, "A. [1] [2]", ["about a", "also about a"]) == (1, 1, 0)


def test_citations_of_a_sentence_they_do_not_support_are_imprecise_though_a_passage_supports_it(judge: Judge) -> None:
    assert alce(judge, "A. [1]", ["about c"], ["about a"]) == (0, 0, 0)


def test_two_citations_that_do_not_support_a_sentence_even_together_are_both_imprecise(judge: Judge) -> None:
    assert alce(judge, "C. [1] [2]", ["about a", "about b"]) == (0, 0, 1)


def test_what_no_passage_supports_is_a_hallucination_cited_or_not(judge: Judge) -> None:
    assert alce(judge, "A. [1] B. [1] C.", ["about a"], ["about a"]) == (pytest.approx(1 / 3), 0.5, pytest.approx(2 / 3))


def test_a_sentence_without_a_number_costs_recall_and_leaves_precision_alone(judge: Judge) -> None:
    assert alce(judge, "A. [1] B.", ["about a"], ["about b"]) == (0.5, 1, 0)


def test_a_number_that_stands_for_nothing_is_imprecise(judge: Judge) -> None:
    assert alce(judge, "A. [1] [7]", ["about a"]) == (1, 0.5, 0)


def test_an_answer_that_states_nothing_has_no_rates_rather_than_perfect_ones(judge: Judge) -> None:
    assert alce(judge, "", []) == (None, None, None)


def test_each_sentence_is_kept_with_what_it_cites_and_what_was_judged(judge: Judge) -> None:
    _, sentences = asyncio.run(citation_metrics(answer("A. [1] B. [1]", ["about a"], ["about b"]), judge))
    assert sentences == [
        {"text": "A.", "evidence": "about a", "supported": True, "founded": True},
        {"text": "B.", "evidence": "about a", "supported": False, "founded": True},
    ]


def test_word_for_word_needs_no_judge_and_marks_do_not_count(judge: Judge) -> None:
    assert asyncio.run(says("See the **AUC** [here](x.md): it\nis 0.5.", "the AUC [here]: it is 0.5", judge))
    assert not asyncio.run(says("the AUC is 0.5", "the AUC is 0.6", judge))
    assert not asyncio.run(says("I know another one.", "No.", judge)), "a part of a word is not the word"
    assert not asyncio.run(says("anything", "…", judge)), "no letter: nothing is said, so nothing is supported"


def measured(room: Room, given: Answer, answerable: bool) -> dict[str, Any]:
    question = next(question for question in room.questions if question.answerable == answerable)
    evidence = Evidence(room.assistant.index.catalogue, room.settings.corpus_dir)
    return asyncio.run(measure(question, replace(given, question=question.text), evidence, room.judge))


def test_a_refusal_of_an_answerable_question_is_counted_and_its_answer_is_not_measured(room: Room) -> None:
    row = measured(room, answer("The guides do not answer this.", [], ["about a"], "not_in_corpus"), answerable=True)
    metrics = row["metrics"]
    assert (row["answered"], metrics["over_refusal"]) == (False, 1)
    assert metrics["recall@8"] == 0, "what was retrieved is measured all the same"
    assert metrics["facts_stated"] is None, "not stated is not the same as stated none"
    assert not {"citation_recall", "hallucination", "ragas_faithfulness", "words", "good", "refused"} & set(metrics)
    assert {fact["stated"] for fact in row["facts"]} == {False}


def test_a_question_the_guides_do_not_answer_is_measured_by_the_refusal_alone(room: Room) -> None:
    refused = measured(room, answer("The guides do not answer this.", [], [], "not_in_corpus"), answerable=False)["metrics"]
    assert (refused["refused"], "over_refusal" in refused, "recall@8" in refused) == (1, False, False)
    answered = measured(room, answer("A. [1]", ["A."]), answerable=False)["metrics"]
    assert (answered["refused"], answered["citation_recall"], answered["good"]) == (0, 1, None)


def test_tokens_and_cost_nobody_counted_are_not_scored_rather_than_zero(room: Room) -> None:
    metrics = measured(room, answer("A. [1]", ["A."]), answerable=False)["metrics"]
    assert (metrics["tokens"], metrics["cost"], metrics["milliseconds"]) == (None, None, 1.0)


def test_the_real_answer_of_the_product_is_cited_throughout(room: Room) -> None:
    assert isinstance(room.assistant.encoder, RememberingEncoder)
    question = next(question for question in room.questions if question.answerable)
    row = measured(room, room.assistant.ask(question.text), answerable=True)
    assert row["metrics"]["citation_recall"] == 1 and all(sentence["supported"] for sentence in row["sentences"])
