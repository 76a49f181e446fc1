"""Every code block in the guides runs, and prints what the guide says it prints."""

import contextlib
import io
import sqlite3
from typing import Any

import pytest

from tests.corpus.guides import Guide, guides


def expected_output(guide: Guide, index: int) -> str | None:
    """The text of the `output` block that follows block number `index`, if there is one."""
    following = guide.blocks[index + 1 : index + 2]
    return following[0].text.rstrip() if following and following[0].language == "output" else None


def run_sql(database: sqlite3.Connection, script: str) -> str:
    """Run the statements one by one; the rows of the last one as text."""
    rows: list[Any] = []
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            rows = database.execute(statement).fetchall()
            statement = ""
    assert not statement.strip(), "the SQL block ends inside a statement: close it with a semicolon"
    return "\n".join(" | ".join(str(value) for value in row) for row in rows)


def run_python(namespace: dict[str, Any], source: str, name: str) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(source, name, "exec"), namespace)
    return "\n".join(line.rstrip() for line in printed.getvalue().rstrip().splitlines())


@pytest.mark.parametrize("guide", guides(), ids=lambda guide: guide.slug)
def test_a_block_that_a_reader_pastes_runs_and_prints_what_is_shown(guide: Guide) -> None:
    namespace: dict[str, Any] = {"__name__": "guide"}
    database = sqlite3.connect(":memory:")
    for index, block in enumerate(guide.blocks):
        if block.language == "python":
            printed = run_python(namespace, block.text, f"{guide.slug}:{block.line}")
        elif block.language == "sql":
            printed = run_sql(database, block.text)
        else:
            assert block.language in {"output", "text"}, f"{guide.slug}:{block.line} block without a known language"
            continue
        shown = expected_output(guide, index)
        if printed or shown is not None:
            assert printed == shown, f"{guide.slug}:{block.line} prints\n{printed}"
