"""The page that asks and shows a cited answer."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from rag.assistant import Assistant
from rag.settings import Settings
from tests.ui.conftest import GUIDE

QUESTION = "How do I detect train-serve skew?"


def ask(app: AppTest, question: str) -> AppTest:
    app.run()
    app.text_input[0].set_value(question)
    return app.run()


def shown(app: AppTest) -> str:
    return "\n".join(str(element.value) for element in [*app.main.markdown, *app.main.caption])


def test_the_first_paint_asks_and_needs_no_index(app: AppTest) -> None:
    app.run()
    assert not app.exception and not app.error
    assert len(app.text_input) == 1


def test_a_question_shows_the_assistants_answer_with_every_source(app: AppTest, ingested: Settings) -> None:
    ask(app, QUESTION)
    answer = Assistant(ingested).ask(QUESTION)
    assert not app.exception and not app.error
    assert answer.text in shown(app)
    assert answer.citations
    for citation in answer.citations:
        assert citation.place in shown(app) and citation.quote in shown(app)
        assert any(f"[{citation.number}]" in box.label and citation.guide in box.label for box in app.expander)
    assert len(app.expander) == len(answer.citations)
    assert GUIDE in shown(app)


def test_a_question_no_guide_covers_shows_the_refusal_and_no_source(app: AppTest, ingested: Settings) -> None:
    ask(app, "who won the 2018 football world cup")
    assert not app.exception and not app.error
    assert not app.expander
    assert not re.search(r"\[\d+\]", shown(app))
    assert Assistant(ingested).ask("who won the 2018 football world cup").text in shown(app)


@pytest.mark.parametrize("question", ["", "   "])
def test_an_empty_question_is_not_asked(app: AppTest, question: str) -> None:
    ask(app, question)  # there is no index: asking would show an error
    assert not app.exception and not app.error and not app.expander


def test_a_missing_index_shows_the_command_to_type_and_no_traceback(app: AppTest) -> None:
    ask(app, QUESTION)
    assert not app.exception
    assert len(app.error) == 1 and "python -m ingest" in app.error[0].value


def test_once_ingested_the_same_page_answers_without_a_restart(app: AppTest, request: pytest.FixtureRequest) -> None:
    ask(app, QUESTION)
    assert app.error
    request.getfixturevalue("ingested")
    app.run()
    assert not app.error and app.expander
