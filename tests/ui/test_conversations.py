"""Conversations on disk: found again by their id, by nobody without it."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from rag.settings import Settings
from rag.types import Citation, Filters, Source
from tests.conftest import make_settings
from ui.conversations import Conversation, Exchange, as_markdown, folder, load, save

CITATION = Citation(1, "a.md", "Guide", "Heading?", "a.md:3", 0, 5, "Words")
SOURCE = Source("a.md", "Guide", "data", 0, 5, ("Guide", "H"), 3)


@pytest.fixture
def kept(tmp_path: Path) -> Settings:
    return make_settings(tmp_path)


def talk() -> Conversation:
    exchange = Exchange("Why?", "deep", "answered", "Because. [1]", [CITATION], [SOURCE], {"a": 1}, ["And?"])
    return Conversation(length="deep", filters=Filters(areas=("data",)), exchanges=[exchange])


def test_what_is_saved_is_what_comes_back(kept: Settings) -> None:
    conversation = talk()
    save(kept, conversation)
    assert load(kept, conversation.id) == conversation


def test_an_id_is_too_long_to_guess_and_never_a_path(kept: Settings) -> None:
    assert len({Conversation().id for _ in range(100)}) == 100
    assert len(Conversation().id) >= 22
    save(kept, talk())
    (kept.data_dir / "outside.json").write_text(json.dumps({"length": "deep", "filters": {}, "exchanges": []}))
    for name in ("../outside", "..%2Foutside", "", ".", "x" * 22 + "/../../outside", "\0" * 22):
        assert load(kept, name) is None


def test_a_file_of_another_version_or_cut_short_is_no_conversation_and_no_crash(kept: Settings) -> None:
    conversation = talk()
    save(kept, conversation)
    path = folder(kept) / f"{conversation.id}.json"
    for broken in ("", "{", '{"length": "deep"}', path.read_text().replace('"question"', '"frage"')):
        path.write_text(broken)
        assert load(kept, conversation.id) is None


def test_two_tabs_with_one_conversation_lose_no_turn_of_each_other(kept: Settings) -> None:
    save(kept, talk_of_both := talk())
    tabs = [found for _ in range(8) if (found := load(kept, talk_of_both.id))]

    def go_on(tab: Conversation) -> None:
        for status in ("asked", "answered"):
            exchange = tab.exchanges[-1] if status == "answered" else Exchange("And then?")
            exchange.status = status
            tab.put(exchange)
            save(kept, tab, exchange)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(go_on, tabs))
    found = load(kept, talk_of_both.id)
    assert found and [item.status for item in found.exchanges] == ["answered"] * 9


def test_only_its_owner_may_list_the_folder(kept: Settings) -> None:
    save(kept, talk())
    assert folder(kept).stat().st_mode & 0o077 == 0


def test_history_leaves_out_what_was_refused_cut_off_or_comes_later() -> None:
    first = talk().exchanges[0]
    conversation = Conversation(exchanges=[first, replace(first, status="open"), replace(first, status="not_in_corpus"), first])
    assert [turn.question for turn in conversation.history(3)] == ["Why?"]
    assert len(conversation.history(4)) == 2


def test_an_export_says_where_every_number_points() -> None:
    text = as_markdown(talk().exchanges)
    assert "## Why?" in text and "Because. [1]" in text and "1. Guide: Heading? (`a.md:3`)" in text
