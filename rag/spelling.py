"""Misspelt words of a question, mended toward the words the guides use."""

from collections.abc import Callable, Iterable
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
        lower = word.lower()
        if len(lower) < 4 or not lower.isalpha() or lower in STOP_WORDS or lower in self._frequency or self._knows(lower):
            return word
        return self._nearest(lower) or word

    def _nearest(self, word: str) -> str | None:
        """The closest known word, the commoner of two; swapped neighbours count as one slip."""
        from rapidfuzz.distance import OSA

        most = 1 if len(word) < 7 else 2
        best: tuple[int, int, str] | None = None
        for candidate in self._alike(word, most):
            slips = OSA.distance(word, candidate, score_cutoff=most)
            if slips <= most:
                found = (slips, -self._frequency[candidate], candidate)
                best = min(best, found) if best else found
        return best[2] if best else None

    def _alike(self, word: str, most: int) -> Iterable[str]:
        """Words that start the same and are about as long."""
        return (candidate for candidate in self._frequency if candidate[0] == word[0] and abs(len(candidate) - len(word)) <= most)
