"""The whole path from a question to a cited answer or an honest refusal."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ingest.sync import synchronise
from rag.assistant import Assistant
from rag.embed import OnnxEncoder
from rag.errors import IndexMissing
from rag.retrieve import Retriever
from rag.settings import Settings
from rag.types import LENGTHS, Answer, Citation, Filters, Length, Turn
from tests.conftest import make_settings
from tests.rag.answers import assert_sound, folded, statements, words_said
from tests.rag.conftest import Library

# Question → a guide that must be among the cited.
ANSWERABLE = {
    "How do I detect train-serve skew?": "corpus/debugging/train-serve-skew.md",
    "What is train-serve skew?": "corpus/debugging/train-serve-skew.md",
    "tran-serv skew, how to fix?": "corpus/debugging/train-serve-skew.md",
    "what is the difference between skew and drift": "corpus/debugging/train-serve-skew.md",
    "When should I use PR AUC rather than ROC AUC?": "corpus/evaluation/roc-auc-and-pr-auc.md",
    "implement roc auc from scratch in python": "corpus/coding/roc-auc-from-scratch.md",
    "What is LoRA?": "corpus/llm/lora-and-fine-tuning.md",
    "what hapens with dropuot at inference": "corpus/deep-learning/normalisation-and-dropout.md",
    "peeking in A/B tests": "corpus/statistics/ab-test-pitfalls.md",
    "precison vs recall": "corpus/evaluation/precision-and-recall.md",
    "L1 or L2 regularisation?": "corpus/fundamentals/regularisation.md",
    "  HOW   do you monitor a model\n\nfor drift ? ": "corpus/systems/monitoring-and-drift.md",
}
CODE = "implement roc auc from scratch in python"
UNANSWERABLE = [
    "asdf qwer zxcv",
    "what's the best way to cook a medium rare steak",
    "who won the 2018 football world cup",
    "how do i change a flat tyre on a bike",
    "the",
    "?",
    "",
    " \n ",
    "🙂🙂",
]


@pytest.fixture(scope="module")
def answers(assistant: Assistant) -> dict[str, Answer]:
    return {question: assistant.ask(question) for question in ANSWERABLE}


@pytest.fixture(params=ANSWERABLE)
def answer(request: pytest.FixtureRequest, answers: dict[str, Answer]) -> Answer:
    return answers[request.param]


def test_a_covered_question_is_answered_from_the_guide_that_covers_it(answer: Answer) -> None:
    assert answer.status == "answered"
    assert ANSWERABLE[answer.question] == answer.citations[0].doc_id


def test_every_statement_stands_in_the_quote_behind_its_number_and_nothing_is_said_twice(answer: Answer) -> None:
    assert_sound(answer)


def test_every_quote_is_exactly_the_documents_span(answer: Answer, library: Library) -> None:
    for citation in answer.citations:
        assert citation.quote and citation.quote == library.document(citation.doc_id).text[citation.start : citation.end]


def test_every_place_names_the_line_of_the_file_on_which_the_quote_starts(answer: Answer, library: Library) -> None:
    for citation in answer.citations:
        name, line = citation.place.rsplit(":", 1)
        lines = (library.folder / name).read_text().split("\n")
        assert citation.quote.split("\n")[0] in lines[int(line) - 1]


def test_every_citation_lies_within_a_passage_the_answer_carries(answer: Answer) -> None:
    for citation in answer.citations:
        assert any(
            passage.source.doc_id == citation.doc_id
            and passage.source.start <= citation.start
            and citation.end <= passage.source.end
            for passage in answer.passages
        )


def test_a_standard_answer_can_be_said_in_two_minutes(answer: Answer) -> None:
    assert 20 < words_said(answer.text) <= 300


def test_no_answer_opens_with_a_sentence_that_leans_on_one_it_leaves_out(answer: Answer) -> None:
    first = folded(next(statements(answer.text))[0]).lower()
    assert not first.startswith(("it ", "this ", "these ", "however", "for example", "- ", "1. ", "such "))


def test_what_is_announced_follows_its_announcement(answer: Answer) -> None:
    assert unkept_promises(answer) == []


def unkept_promises(answer: Answer) -> list[str]:
    """Sentences that end in a colon and are not followed by something from the same place."""
    said = [*statements(answer.text), ("", 0)]
    return [statement for (statement, number), (_, after) in pairwise(said) if statement.endswith(":") and after != number]


def test_the_trace_times_every_stage_and_gives_the_strength_of_the_evidence(answer: Answer) -> None:
    laps = answer.trace["milliseconds"]
    assert {"embed", "dense", "lexical", "fuse", "rerank", "compose", "total"} <= set(laps)
    assert laps["total"] >= laps["compose"] > 0
    assert 0.5 <= answer.trace["evidence"]["strength"] <= 1


def test_code_is_given_whole_when_it_is_asked_for(answers: dict[str, Answer], library: Library) -> None:
    text = answers[CODE].text
    blocks = text.split("```python\n")[1:]
    guide = library.document(ANSWERABLE[CODE]).text
    assert blocks and all(f"```python\n{block.split('```')[0]}```" in guide for block in blocks)


def test_asking_twice_gives_the_same_answer(answers: dict[str, Answer], assistant: Assistant) -> None:
    again = assistant.ask(CODE)
    assert (again.text, again.citations, again.passages) == (answers[CODE].text, answers[CODE].citations, answers[CODE].passages)


@pytest.mark.parametrize(("length", "words"), [("short", 90), ("deep", 600)])
def test_each_length_keeps_its_word_limit_and_is_still_sound(assistant: Assistant, length: Length, words: int) -> None:
    for question in ANSWERABLE:
        answer = assistant.ask(question, length=length)
        assert_sound(answer)
        assert unkept_promises(answer) == []
        assert 5 < words_said(answer.text) <= words or len(list(statements(answer.text))) == 1, question


def test_a_longer_answer_never_says_less_than_a_shorter_one(assistant: Assistant) -> None:
    for question in ANSWERABLE:
        said = [words_said(assistant.ask(question, length=length).text) for length in LENGTHS]
        assert said == sorted(said), question


@pytest.mark.parametrize("question", UNANSWERABLE)
def test_what_no_guide_covers_is_refused_with_the_nearest_topics_and_no_citation(assistant: Assistant, question: str) -> None:
    refused = assistant.ask(question)
    assert refused.status == "not_in_corpus"
    assert refused.citations == () and list(statements(refused.text)) == [(refused.text, 0)]
    assert any(passage.source.title in refused.text for passage in refused.passages)
    assert refused.trace["evidence"]["strength"] < 0.5
    assert refused.trace["milliseconds"]["total"] > 0


def test_filters_that_leave_nothing_refuse_and_name_no_topics(assistant: Assistant) -> None:
    refused = assistant.ask("What is train-serve skew?", filters=Filters(areas=("no-such-area",)))
    assert (refused.status, refused.passages, refused.citations) == ("not_in_corpus", (), ())
    assert refused.text


def test_an_answer_under_a_filter_cites_no_other_guide(assistant: Assistant) -> None:
    filtered = assistant.ask("How do you compute ROC AUC?", filters=Filters(areas=("evaluation",)))
    assert filtered.status == "answered"
    assert all(citation.doc_id.startswith("corpus/evaluation/") for citation in filtered.citations)


def test_a_follow_up_finds_the_subject_of_the_question_before_it(assistant: Assistant) -> None:
    history = [Turn("How do I monitor drift?"), Turn("What is train-serve skew?", "A mismatch.")]
    followed = assistant.ask("how do I prevent it?", history)
    assert followed.status == "answered"
    assert followed.question == "how do I prevent it?"
    assert followed.citations[0].doc_id == "corpus/debugging/train-serve-skew.md"


def test_a_follow_up_on_a_follow_up_goes_back_to_the_first_subject(assistant: Assistant) -> None:
    history = [Turn("What is LoRA?"), Turn("when does it fail?")]
    followed = assistant.ask("and how much memory does it need?", history)
    assert followed.citations[0].doc_id == "corpus/llm/lora-and-fine-tuning.md"


def test_a_question_that_stands_alone_is_not_bent_by_the_history(assistant: Assistant) -> None:
    question = "What is train-serve skew?"
    assert assistant.ask(question, [Turn("What is LoRA?")]).text == assistant.ask(question).text


def test_the_stream_is_the_answer_piece_by_piece_and_then_the_answer(assistant: Assistant) -> None:
    *pieces, last = assistant.stream(CODE)
    words = [piece for piece in pieces if isinstance(piece, str)]
    assert isinstance(last, Answer) and len(words) > 1
    assert "".join(words).strip() == last.text == assistant.ask(CODE).text


def test_a_number_points_somewhere_as_soon_as_it_is_read(assistant: Assistant) -> None:
    known: set[int] = set()
    for piece in assistant.stream(CODE):
        if isinstance(piece, Citation):
            known.add(piece.number)
        elif isinstance(piece, str):
            assert known.issuperset(map(int, re.findall(r"\[(\d+)\]", piece)))
        else:
            assert known == {item.number for item in piece.citations} != set()


def test_two_threads_at_once_each_get_their_own_answer(assistant: Assistant, answers: dict[str, Answer]) -> None:
    questions = [question for question in ANSWERABLE for _ in range(2)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(assistant.ask, questions))
    for question, one in zip(questions, found, strict=True):
        assert (one.question, one.text, one.citations) == (question, answers[question].text, answers[question].citations)


FACT = "The walrus protocol freezes every embedding table on the second Tuesday after a schema migration."
WALRUS = "What does the walrus protocol freeze after a schema migration?"


class Workshop:
    """A copy of the library whose guides may change."""

    def __init__(self, settings: Settings, folder: Path, encoder: OnnxEncoder) -> None:
        self.settings, self.folder, self._encoder = settings, folder, encoder

    def add_fact(self) -> None:
        guide = self.folder / "corpus" / "debugging" / "train-serve-skew.md"
        text = guide.read_text()
        at = text.index("\n## ")
        guide.write_text(f"{text[:at]}\n## What is the walrus protocol?\n\n{FACT}\n{text[at:]}")
        with chdir(self.folder):
            synchronise(self.settings, [], encoder=self._encoder)


@pytest.fixture
def workshop(library: Library, tmp_path: Path, encoder: OnnxEncoder) -> Workshop:
    return Workshop(library.copy(tmp_path), tmp_path, encoder)


def test_a_new_generation_is_seen_without_a_restart(workshop: Workshop) -> None:
    assistant = Assistant(workshop.settings)
    before = assistant.ask(WALRUS)
    workshop.add_fact()
    after = assistant.ask(WALRUS)
    assert before.status == "not_in_corpus"
    assert after.status == "answered" and FACT in folded(after.citations[0].quote)
    assert before.trace["generation"] != after.trace["generation"]
    name, line = after.citations[0].place.rsplit(":", 1)
    assert (workshop.folder / name).read_text().split("\n")[int(line) - 1].startswith("The walrus protocol")


def test_an_answer_is_made_of_one_generation_though_another_is_committed_while_it_is_made(workshop: Workshop) -> None:
    class Overtaken(Assistant):
        """A writer commits just after a question has taken its retriever."""

        begun = False

        def _current(self) -> Retriever:
            retriever = super()._current()
            if self.begun:
                self.begun = False
                workshop.add_fact()
            return retriever

    assistant = Overtaken(workshop.settings)
    question = "How do I prevent train-serve skew?"
    calm = assistant.ask(question)
    assistant.begun = True
    overtaken = assistant.ask(question)
    assert not assistant.begun
    assert_sound(overtaken)
    assert overtaken.text == calm.text


def test_a_reader_that_began_before_a_commit_can_finish_after_it(workshop: Workshop) -> None:
    assistant = Assistant(workshop.settings)
    old = assistant.index
    workshop.add_fact()
    passage = old.passages([0])[0]
    document = old.catalogue.document(passage.source.doc_id)
    assert document is not None and document.text[passage.source.start : passage.source.end] == passage.text
    assert len(old.arrays.encoding(0).tokens)
    rows, _ = old.dense(np.asarray(old.arrays.vectors[0]), 5, Filters())
    assert 0 in rows


def test_asking_before_anything_was_ingested_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="python -m ingest"):
        Assistant(make_settings(tmp_path))


def test_an_index_built_with_another_chunk_size_is_not_read(library: Library) -> None:
    with pytest.raises(IndexMissing, match="python -m ingest"):
        Assistant(library.settings.model_copy(update={"chunk_tokens": 100}))


def test_a_file_of_nothing_but_comment_lines_is_found_without_a_crash(workshop: Workshop, encoder: OnnxEncoder) -> None:
    path = workshop.folder / "notes" / "gremlins.txt"
    path.parent.mkdir()
    path.write_text("#gremlin torque calibration needs a left-handed flange\n#gremlin torque is measured in wobbles\n")
    synchronise(workshop.settings, [path.parent], encoder=encoder)
    answer = Assistant(workshop.settings).ask("gremlin torque calibration")
    assert any("gremlins" in passage.source.doc_id for passage in answer.passages)
    assert answer.text
