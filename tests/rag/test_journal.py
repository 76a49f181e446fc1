"""What is written down can be read again, whatever was typed and wherever a crash cut it."""

import pytest

from rag import journal
from rag.settings import Settings


def test_entries_come_back_by_kind_oldest_first(settings: Settings) -> None:
    assert list(journal.entries(settings, "gap")) == []
    journal.record(settings, "gap", question="naïve \udce9 日本語\nsecond line")
    journal.record(settings, "wanted", question="other")
    journal.record(settings, "gap", question="last")
    assert [entry["question"] for entry in journal.entries(settings, "gap")] == ["naïve \udce9 日本語\nsecond line", "last"]


@pytest.mark.parametrize("torn", [b'{"kind": "gap", "question": "na', b'{"kind": "gap", "question": "na\xc3'])
def test_a_line_cut_short_costs_only_itself(settings: Settings, torn: bytes) -> None:
    journal.record(settings, "gap", question="first")
    with journal.path(settings).open("ab") as file:
        file.write(torn)
    journal.record(settings, "gap", question="second")
    assert [entry["question"] for entry in journal.entries(settings, "gap")] == ["first", "second"]
