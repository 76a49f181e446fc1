"""No passage is taught twice: the second place links to the first."""

import re
from collections import Counter, defaultdict

from tests.corpus.guides import guides

SHINGLE = 5
TOO_ALIKE = 0.35


def paragraphs() -> list[tuple[str, str]]:
    """(guide, text) of every paragraph and list of some length, code left out."""
    return [
        (guide.slug, part)
        for guide in guides()
        for part in re.split(r"\n\s*\n", re.sub(r"```.*?```", "", guide.body, flags=re.S))
        if len(part.split()) >= 15 and not part.startswith("#")
    ]


def shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[place : place + SHINGLE]) for place in range(len(words) - SHINGLE + 1)}


def test_no_two_passages_are_nearly_identical() -> None:
    parts = [(slug, text, shingles(text)) for slug, text in paragraphs()]
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, (_, _, own) in enumerate(parts):
        for shingle in own:
            holders[shingle].append(number)
    shared = Counter((a, b) for numbers in holders.values() for a in numbers for b in numbers if a < b)
    alike = [
        (parts[a][0], parts[b][0], parts[a][1][:80])
        for (a, b), count in shared.items()
        if count / len(parts[a][2] | parts[b][2]) > TOO_ALIKE
    ]
    assert alike == []
