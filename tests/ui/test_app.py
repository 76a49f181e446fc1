"""The app's logic, without a browser."""

import json
import os
import shutil
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from ingest.lock import writer_lock
from rag import journal
from rag.assistant import Assistant
from rag.settings import Settings
from rag.types import Document
from tests.ui.conftest import GUIDE, QUESTION
from ui.conversations import Conversation, Exchange, load, save
from ui.views import library, quality
from ui.views import settings as settings_page

REFUSED = "who won the 2018 football world cup"


def ask(app: AppTest, question: str) -> AppTest:
    if not app.chat_input:
        app.run()
    return app.chat_input[0].set_value(question).run()


def shown(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in app.main.markdown)


def talk(app: AppTest, project: Settings) -> Conversation:
    found = load(project, app.session_state["conversation"].id)
    assert found is not None
    return found


def button(app: AppTest, words: str) -> "AppTest":
    return next(item for item in app.button if words in item.label).click().run()


def test_a_question_shows_the_assistants_answer_and_a_source_for_every_number(app: AppTest, project: Settings) -> None:
    ask(app, QUESTION)
    answer = Assistant(project).ask(QUESTION)
    assert not app.exception and not app.error
    assert talk(app, project).exchanges[0].text == answer.text
    for citation in answer.citations:
        assert f'href="#quote-0-{citation.number}"' in shown(app) and f'id="quote-0-{citation.number}"' in shown(app)
    assert shown(app).count('<details class="source"') == len(answer.citations) > 0


def test_a_refusal_offers_what_is_near_is_recorded_as_a_gap_and_can_be_wished_for(app: AppTest, project: Settings) -> None:
    ask(app, REFUSED)
    assert "The guides do not answer this." in shown(app) and "The nearest the guides come" in shown(app)
    assert 'class="cite"' not in shown(app)
    gap = list(journal.entries(project, "gap"))[-1]
    assert gap["question"] == REFUSED and gap["nearest"] and gap["strength"] < 0.5
    button(app, "This should be covered")
    assert list(journal.entries(project, "wanted"))[-1]["question"] == REFUSED
    assert "Noted" in shown(app)


@pytest.mark.parametrize("question", ["", "   ", "\n"])
def test_an_empty_question_is_not_asked(app: AppTest, question: str) -> None:
    ask(app, question)
    assert not app.exception and "c" not in app.query_params


def test_feedback_keeps_the_answer_its_sources_and_its_trace(app: AppTest, project: Settings) -> None:
    ask(app, QUESTION)
    app.feedback[0].set_value(0).run()
    next(item for item in app.button_group if "What is wrong" in item.label).set_value("Too long").run()
    kept = list(journal.entries(project, "feedback"))
    assert [entry["reason"] for entry in kept] == ["", "Too long"]
    assert kept[-1]["verdict"] == "down" and kept[-1]["citations"] and kept[-1]["trace"]["understood"]
    app.run()
    assert len(list(journal.entries(project, "feedback"))) == len(kept), "drawing the page again is no new verdict"


def test_a_followup_that_is_offered_is_answered_from_its_own_section(app: AppTest, project: Settings) -> None:
    ask(app, QUESTION)
    offered = talk(app, project).exchanges[0].followups
    assert offered and QUESTION not in offered
    button(app, offered[0].replace("-", "\\-").replace("?", "\\?"))
    exchange = talk(app, project).exchanges[1]
    assert exchange.question == offered[0] and exchange.citations[0].heading == offered[0]


def test_an_answer_said_shorter_takes_the_place_of_the_longer_one(app: AppTest, project: Settings) -> None:
    ask(app, QUESTION)
    longer = talk(app, project).exchanges[0]
    button(app, "30 seconds")
    (shorter,) = talk(app, project).exchanges
    assert shorter.length == "short" and len(shorter.text) < len(longer.text)


def test_filters_and_length_stay_with_the_conversation(app: AppTest, project: Settings) -> None:
    ask(app, QUESTION)
    next(item for item in app.button_group if item.label == "Area").set_value(["debugging"]).run()
    again = AppTest.from_file(app._script_path, default_timeout=60)
    again.query_params["c"] = app.session_state["conversation"].id
    again.run()
    assert next(item for item in again.button_group if item.label == "Area").value == ["debugging"]
    assert talk(app, project).filters.areas == ("debugging",)


def test_a_second_tab_goes_on_where_the_first_one_is_and_takes_no_answer_from_it(app: AppTest, project: Settings) -> None:
    ask(app, QUESTION)
    other = AppTest.from_file(app._script_path, default_timeout=60)
    other.query_params["c"] = app.session_state["conversation"].id
    ask(other, REFUSED)
    ask(app, "What causes train-serve skew?")
    kept = [(exchange.question, exchange.status) for exchange in talk(app, project).exchanges]
    assert kept == [(QUESTION, "answered"), (REFUSED, "not_in_corpus"), ("What causes train-serve skew?", "answered")]


def test_a_conversation_that_is_not_ours_to_guess_opens_empty(app: AppTest) -> None:
    app.query_params["c"] = "A" * 22
    app.run()
    assert not app.exception and "Ask what you would" in shown(app)


def test_a_missing_index_is_a_sentence_with_the_command_to_type_and_the_question_is_not_lost(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREP_DATA_DIR", str(tmp_path / "empty"))
    ask(app, QUESTION)
    assert not app.exception
    assert len(app.error) == 1 and "python \\-m ingest" in app.error[0].value
    (exchange,) = app.session_state["conversation"].exchanges
    assert (exchange.question, exchange.status) == (QUESTION, "asked"), "the next run answers it"


def test_a_question_whose_answer_had_not_begun_is_answered_by_the_next_run_whatever_ended_the_first(
    app: AppTest, project: Settings
) -> None:
    interrupted = Conversation(exchanges=[Exchange(QUESTION)])
    save(project, interrupted)
    app.query_params["c"] = interrupted.id
    app.run()
    assert not app.exception and talk(app, project).exchanges[0].status == "answered"
    assert 'aria-label="Answer 1"' in shown(app) and not app.caption


def test_an_address_that_leads_nowhere_does_not_undo_what_is_chosen(app: AppTest) -> None:
    app.query_params["c"] = "A" * 22
    app.run()
    length = next(item for item in app.button_group if item.label == "Answer length")
    length.set_value("deep").run()
    app.run()
    assert next(item for item in app.button_group if item.label == "Answer length").value == "deep"
    assert app.session_state["conversation"].length == "deep"


def test_a_broken_setting_is_named(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREP_THREADS", "many")
    app.run()
    assert not app.exception and any("PREP" in error.value for error in app.error)


def test_settings_show_no_secret(project: Settings) -> None:
    st.cache_data.clear()
    secret = project.model_copy(update={"chroma_token": "s3cret", "chroma_url": "https://me:s3cret@host:1"})
    rows = json.dumps([settings_page.every(secret), settings_page.in_use(secret)])
    assert "s3cret" not in rows and "host:1" in rows


def test_the_library_finds_by_title_heading_and_text(app: AppTest, project: Settings) -> None:
    documents = [entry.document for entry in Assistant(project).index.catalogue.entries()]
    assert [document.id for document in library.search("Train-Serve SKEW", documents)] == [GUIDE]
    assert library.search("zebra stripes", documents)[0].title.startswith("Zebra")
    assert library.search("no such words anywhere", documents) == []


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd.md", "..\\..\\x.md", ".hidden.md", "README.md", "a\0b.md", "x" * 300 + ".md", "日" * 100 + ".md", ".md"],
)
def test_an_uploads_name_stays_in_its_folder_and_is_seen_by_the_ingest(name: str) -> None:
    safe = library.safe_name(name)
    assert "/" not in safe and "\\" not in safe and "\0" not in safe
    assert not safe.startswith(".") and not safe.lower().startswith("readme") and len(safe.encode()) <= 255


@pytest.mark.parametrize("stated", ["2026-13-45", "soon", ""])
def test_a_date_that_is_none_takes_no_page_down(project: Settings, stated: str) -> None:
    text = f"---\nupdated: {stated}\n---\nWords."
    assert library.updated(Document("a.md", "A", text, body_start=len(text) - 6), project) is None


def test_a_fresh_clone_shows_the_worst_questions_each_with_a_link_that_asks_it(app: AppTest, project: Settings) -> None:
    (figures,) = quality.read_runs(project)
    assert figures["worst"], "the figures that come with the code name them"
    drawn = quality.worst([{"question": "<b>Why & how?", "history": ["<i>"], "style": "direct", "fault": "failed"}])
    assert "&lt;b&gt;Why &amp; how?" in drawn and 'href="./?q=%3Cb%3EWhy+%26+how%3F"' in drawn and "after “&lt;i&gt;”" in drawn


def test_the_latest_run_is_the_one_made_last_and_only_runs_of_the_same_questions_are_compared(project: Settings) -> None:
    names = ["b-first", "a-second", "d-other", "c-last"]
    for age, (name, split) in enumerate(zip(names, ["dev", "dev", "test", "dev"], strict=True)):
        path = project.data_dir / "evals" / name / "summary.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"date": "2026-01-01", "rows": 60 if name == "c-last" else 9, "config": {"split": split}}))
        os.utime(path, (age, age))
    runs = quality.read_runs(project)
    assert [(run["rows"], run["config"]["split"]) for run in runs] == [(9, "dev"), (9, "dev"), (9, "test"), (60, "dev")]
    assert quality.of_the_same_questions(runs) == [runs[:2]]
    shutil.rmtree(project.data_dir / "evals")


def test_a_cost_is_not_shown_as_a_share_and_a_measure_without_an_interval_takes_no_page_down() -> None:
    share = {"mean": 0.5, "low": 0.4, "high": 0.6, "scored": 9, "unscored": 1}
    drawn = quality.figures({"cost": share, "cost_per_good_answer": {"mean": 0.1, "scored": 9, "unscored": 0}, "mrr": share})
    assert "MRR" in drawn and "ost" not in drawn


def test_an_upload_that_cannot_be_ingested_now_leaves_the_file_it_would_have_replaced(app: AppTest, project: Settings) -> None:
    def adding() -> None:
        from rag.settings import load_settings
        from ui.views import library

        library.add(load_settings())

    folder = library.uploads(project)
    folder.mkdir(exist_ok=True)
    (folder / "old.md").write_text("Old words.")
    page = AppTest.from_function(adding, default_timeout=60).run()
    page.file_uploader[0].set_value([("old.md", b"New words.", "text/markdown"), ("new.md", b"Words.", "text/markdown")])
    with writer_lock(project.index_dir):
        button(page, "Add to the library")
    assert "Another ingest" in page.error[0].value and not page.exception
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("old.md", "Old words.")]
    shutil.rmtree(folder)
