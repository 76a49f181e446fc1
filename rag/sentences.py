"""Where sentences end: for cutting long paragraphs, and for quoting."""

import re
from itertools import pairwise

# A full stop after one of these ends no sentence.
ABBREVIATIONS = frozenset("e.g i.e etc vs cf al approx fig eq dr mr mrs ms st inc dept est max min resp".split())
BOUNDARY = re.compile(r"""[.!?…]['"’”)\]*_`]*\s+(?=[\[("'“‘*_`$]*[A-Z0-9À-Ý\\])""")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence, surrounding white space left out."""
    ends = [
        match.end()
        for match in BOUNDARY.finditer(text)
        if not inside_code(text, match.start()) and not abbreviation_before(text, match.start())
    ]
    pieces = ((start, text[start:end]) for start, end in pairwise([0, *ends, len(text)]))
    return [(start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())) for start, piece in pieces if piece.strip()]


def abbreviation_before(text: str, stop: int) -> bool:
    word = re.search(r"[\w.]*$", text[max(0, stop - 20) : stop])
    return text[stop] == "." and word is not None and word[0].lower() in ABBREVIATIONS


def inside_code(text: str, position: int) -> bool:
    """Whether the position stands between two backticks of its line."""
    line_start = text.rfind("\n", 0, position) + 1
    return text.count("`", line_start, position) % 2 == 1
