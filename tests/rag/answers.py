"""An answer taken apart again: who says what under which number."""

import re
from collections.abc import Iterator

from rag.types import Answer

MARKER = re.compile(r"(?:(?<=\s)|^)\[(\d+)\](?=\s|$)")
LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*\)")
FENCE = re.compile(r"\s*(```|~~~)")


def folded(text: str) -> str:
    """White space made single, links reduced to their words."""
    return " ".join(LINK.sub(r"\1", text).split())


def masked(text: str) -> str:
    """The same text, same length, with brackets in code blanked: an index is no marker."""
    lines, in_code = [], False
    for line in text.split("\n"):
        fence = FENCE.match(line) is not None
        lines.append(re.sub(r"[\[\]]", ".", line) if in_code or fence else re.sub(r"`[^`]*`", lambda m: "." * len(m[0]), line))
        in_code ^= fence
    return "\n".join(lines)


def statements(text: str) -> Iterator[tuple[str, int]]:
    """(what is said, the number behind it), in reading order; what stands behind the last number is said under 0."""
    start = 0
    for match in MARKER.finditer(masked(text)):
        yield text[start : match.start()].strip(), int(match.group(1))
        start = match.end()
    if rest := text[start:].strip():
        yield rest, 0


def words_said(text: str) -> int:
    """Words outside code, markers not counted."""
    prose, in_code = [], False
    for line in text.split("\n"):
        fence = FENCE.match(line) is not None
        if not (in_code or fence):
            prose.append(MARKER.sub("", line))
        in_code ^= fence
    return len(" ".join(prose).split())


def assert_sound(answer: Answer) -> None:
    """Every statement is in its citation's quote, and every number is used."""
    quotes = {citation.number: folded(citation.quote) for citation in answer.citations}
    said = list(statements(answer.text))
    assert list(quotes) == list(range(1, len(quotes) + 1))
    assert {number for _, number in said} == set(quotes)
    for statement, number in said:
        assert statement, f"[{number}] stands behind nothing"
        assert folded(statement) in quotes[number]
    once = [folded(statement) for statement, _ in said]
    assert len(once) == len(set(once)), "something is said twice"
