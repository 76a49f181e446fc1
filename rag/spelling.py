"""Misspelt words of a question, mended toward the words the guides use."""

from collections.abc import Callable
from functools import lru_cache

from rag.words import STOP_WORDS, WORD


class Speller:
    """Mends a word only when neither the guides nor the language model know it."""

    def __init__(self, frequency: dict[str, int], knows: Callable[[str], bool]) -> None:
        self._frequency = frequency
        self._knows = knows
        self.mend_word = lru_cache(4096)(self._mend_word)

    def mend(self, question: str) -> str:
        return WORD.sub(lambda match: self.mend_word(match.group()), question)

    def foreign(self, word: str) -> bool:
        """Whether no guide has the word."""
        return word.isalpha() and bool(self._frequency) and word.lower() not in self._frequency

    def _mend_word(self, word: str) -> str:
        """The closest known word that starts the same, the commoner of two; swapped neighbours count as one slip."""
        lower = word.lower()
        if len(lower) < 4 or not lower.isalpha() or lower in STOP_WORDS or lower in self._frequency or self._knows(lower):
            return word
        from rapidfuzz.distance import OSA

        most = 1 if len(lower) < 7 else 2
        alike = (other for other in self._frequency if other[0] == lower[0] and abs(len(other) - len(lower)) <= most)
        found = ((OSA.distance(lower, other, score_cutoff=most), -self._frequency[other], other) for other in alike)
        return min((item for item in found if item[0] <= most), default=(0, 0, word))[2]
