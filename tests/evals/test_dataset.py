"""The golden questions against the guides as files, and the subsets that are drawn from them. No index is needed."""

import json
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from evals.dataset import GOLDEN, SPLITS, Evidence, Fact, Question, Quote, digest, load, question_of, sample
from evals.fit import choices
from ingest.load import load as load_guide
from rag.types import Turn
from tests.evals.room import CORPUS, Room

AREAS = {folder.name for folder in CORPUS.iterdir() if folder.is_dir()}
STYLES = {
    "direct",
    "paraphrase",
    "scenario",
    "compare",
    "keywords",
    "typos",
    "multi-part",
    "colloquial",
    "follow-up",
    "false-premise",
}
KINDS = {"other-domain", "near-domain", "time-bound", "private", "nonsense", "injection"}


@cache
def body(doc: str) -> str:
    """The text quotes are looked for in: what the loader makes of the file, less its front matter."""
    path = CORPUS / doc
    document = load_guide(path, doc, path.read_bytes())
    return document.text[document.body_start :]


def test_every_quote_still_stands_in_its_guide() -> None:
    lost = [
        f"{question.id}: {quote.doc}: {quote.text[:60]}"
        for question in load()
        for fact in question.facts
        for quote in fact.quotes
        if quote.text not in body(quote.doc)
    ]
    assert lost == [], "a guide was reworded: correct the quote or the guide"


def test_a_quote_stands_once_in_its_guide_so_that_its_place_is_no_matter_of_luck() -> None:
    quotes = {(quote.doc, quote.text) for question in load() for fact in question.facts for quote in fact.quotes}
    assert [text for doc, text in quotes if body(doc).count(text) > 1] == []


def test_every_fact_has_a_quote_long_enough_to_be_evidence() -> None:
    for question in load():
        for fact in question.facts:
            assert fact.quotes, f"{question.id}: {fact.text}"
            assert all(len(quote.text.strip()) >= 15 for quote in fact.quotes), f"{question.id}: {fact.text}"


def test_no_id_and_no_question_occurs_twice() -> None:
    assert [name for name, count in Counter(question.id for question in load()).items() if count > 1] == []
    texts = Counter((question.text.casefold(), question.history) for question in load())
    assert [text for text, count in texts.items() if count > 1] == []


def test_there_are_as_many_questions_as_promised_of_every_style_area_and_kind_in_both_splits() -> None:
    answerable = [question for question in load() if question.answerable]
    others = [question for question in load() if not question.answerable]
    assert len(answerable) >= 240 and len(others) >= 60
    assert {question.split for question in load()} == set(SPLITS)
    for split in SPLITS:
        assert {question.style for question in answerable if question.split == split} == STYLES
        assert {question.group for question in answerable if question.split == split} == AREAS
        assert {question.group for question in others if question.split == split} >= KINDS


def test_an_answerable_row_has_a_reference_and_an_unanswerable_one_names_its_kind() -> None:
    for path in GOLDEN.glob("*.jsonl"):
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            if path.stem == "unanswerable":
                assert row["kind"] and not row.get("facts"), row["id"]
            else:
                assert row["area"] == path.stem and row["reference"] and row["facts"], row["id"]


def test_a_follow_up_has_the_conversation_it_follows() -> None:
    followups = [question for question in load() if question.style == "follow-up"]
    assert followups and all(question.history and question.history[0].answer for question in followups)


def question(name: str, group: str) -> Question:
    return Question(name, "dev", group, "direct", f"what is {name}")


def test_a_subset_is_balanced_over_groups_and_keeps_the_order_of_the_files() -> None:
    questions = [question(f"{group}{number}", group) for group, size in (("a", 9), ("b", 2), ("c", 5)) for number in range(size)]
    chosen = sample(questions, 7)
    assert Counter(item.group for item in chosen) == {"a": 3, "b": 2, "c": 2}
    assert [item.id for item in chosen] == [item.id for item in questions if item in chosen]


def test_a_subset_is_the_same_every_time_whatever_the_order_and_whatever_was_added_to_other_groups() -> None:
    questions = [question(f"{group}{number}", group) for group in "abc" for number in range(6)]
    chosen = {item.id for item in sample(questions, 6)}
    assert {item.id for item in sample(questions[::-1], 6)} == chosen
    more = [*questions, *(question(f"d{number}", "d") for number in range(6))]
    assert {item.id for item in sample(more, 8) if item.group != "d"} == chosen


@pytest.mark.parametrize("limit", [None, 5, 50])
def test_a_limit_of_none_or_more_than_there_are_takes_all(limit: int | None) -> None:
    questions = [question(f"a{number}", "a") for number in range(5)]
    assert sample(questions, limit) == questions


def test_the_digest_changes_with_every_change_of_what_is_asked_for_and_with_nothing_else() -> None:
    base = replace(question("a", "a"), facts=(Fact("is so", (Quote("a.md", "it is so"),)),))
    other = question("b", "b")
    same = digest([base, other])
    assert digest([other, base]) == same
    assert digest([replace(base, facts=(Fact("is so", (Quote("a.md", "so it is"),)),)), other]) == same, (
        "quotes follow the guides"
    )
    changed = [
        [base],
        [replace(base, text="why"), other],
        [replace(base, split="test"), other],
        [replace(base, id="c"), other],
        [replace(base, history=(Turn("before", ""),)), other],
        [replace(base, reference="it is"), other],
        [replace(base, facts=()), other],
        [replace(base, facts=(Fact("is not so", base.facts[0].quotes),)), other],
    ]
    assert len({digest(rows) for rows in changed} | {same}) == len(changed) + 1


def test_a_line_separator_within_a_question_does_not_tear_its_row(tmp_path: Path) -> None:
    row = {"id": "a", "split": "dev", "kind": "nonsense", "question": "one\u2028two\x85three"}
    (tmp_path / "unanswerable.jsonl").write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    assert [item.text for item in load(folder=tmp_path)] == [row["question"]]


def test_a_row_without_area_and_kind_is_refused() -> None:
    with pytest.raises(KeyError):
        question_of({"id": "", "split": "dev", "question": "a candidate nobody has completed"})


def test_evidence_finds_a_quote_by_its_span_and_names_what_is_lost(room: Room) -> None:
    evidence = Evidence(room.assistant.index.catalogue, room.settings.corpus_dir)
    quote = next(fact.quotes[0] for item in room.questions for fact in item.facts)
    place = evidence.place(quote)
    assert place is not None and place.doc_id == f"corpus/{quote.doc}"
    document = room.assistant.index.catalogue.document(place.doc_id)
    assert document is not None and document.text[place.start : place.end] == quote.text
    gone, elsewhere = Quote(quote.doc, "a sentence that nobody wrote"), Quote("math/nowhere.md", quote.text)
    fact = Fact("", (gone, quote, elsewhere))
    assert evidence.places(fact) == [place]
    assert evidence.lost([replace(question("a", "a"), facts=(fact,))]) == [("a", gone), ("a", elsewhere)]


def test_every_piece_a_reader_chose_still_begins_so_in_some_guide_and_answers_a_dev_question() -> None:
    guides = [" ".join(body(path.relative_to(CORPUS).as_posix()).split()) for path in sorted(CORPUS.glob("*/*.md"))]
    chosen = choices()
    assert set(chosen) <= {question.id for question in load("dev")}
    lost = [(name, text) for name, read in chosen.items() for text in read if not any(text in guide for guide in guides)]
    assert lost == []
