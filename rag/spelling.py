"""Misspelt words of a question, mended toward the words the guides use."""

from collections.abc import Callable
from functools import lru_cache

from rag.words import STOP_WORDS, WORD

COMMONER = 5  # times
LONG = 6  # letters


class Speller:
    """Mends a word only when neither the guides nor the language model know it.

    In the questions that the guides are known to answer people misspell too: a word that stands there must be far rarer.
    """

    def __init__(self, written: dict[str, int], asked: dict[str, int], knows: Callable[[str], bool]) -> None:
        self._written = written
        self._asked = asked
        self._knows = knows
        self.mend_word = lru_cache(4096)(self._mend_word)

    def mend(self, question: str) -> str:
        return WORD.sub(lambda match: self.mend_word(match.group()), question)

    def foreign(self, word: str) -> bool:
        """Whether no guide has the word, and nobody asks for one with it."""
        known = word.lower() in self._written or word.lower() in self._asked
        return word.isalpha() and bool(self._written) and not known

    def _mend_word(self, word: str) -> str:
        """The closest known word that starts the same, the commoner of two; swapped neighbours count as one slip."""
        lower = word.lower()
        if len(lower) < 4 or not lower.isalpha() or lower in STOP_WORDS or lower in self._written or self._knows(lower):
            return word
        from rapidfuzz.distance import OSA

        asked = self._asked.get(lower, 0)
        if asked and len(lower) < LONG:
            return word  # as likely somebody's abbreviation
        most = 1 if asked or len(lower) < LONG + 1 else 2
        alike = (
            other
            for other, count in self._written.items()
            if count >= COMMONER * asked and other[0] == lower[0] and abs(len(other) - len(lower)) <= most
        )
        found = ((OSA.distance(lower, other, score_cutoff=most), -self._written[other], other) for other in alike)
        return min((item for item in found if item[0] <= most), default=(0, 0, word))[2]
