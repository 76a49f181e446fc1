"""The lexical index: BM25 over stems, written once per generation and memory-mapped by readers."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.words import INTENT_SHARE, STOP_WORDS, stem, terms, weight, words

K1, B = 1.5, 0.75


class Lexical:
    def __init__(self, folder: Path) -> None:
        import bm25s

        self._bm25 = bm25s.BM25.load(folder, mmap=True, show_progress=False)
        self.size = int(self._bm25.scores["num_docs"])
        self.written: dict[str, int]
        self.asked: dict[str, int]
        self.written, self.asked = json.loads((folder / "words.json").read_text())

    @staticmethod
    def write(texts: Sequence[str], questions: Sequence[Sequence[str]], folder: Path) -> None:
        """Both are searched; their words are counted apart, for only the texts are sure to be spelt right."""
        import bm25s

        bm25 = bm25s.BM25(method="lucene", k1=K1, b=B)
        searched = ("\n".join([text, *own]) for text, own in zip(texts, questions, strict=True))
        bm25.index([terms(text) for text in searched], show_progress=False)
        bm25.save(folder, show_progress=False)
        asked = {question.removeprefix("+ ") for own in questions for question in own}
        counts = [Counter(word for text in crowd for word in set(words(text)) if word.isalpha()) for crowd in (texts, asked)]
        (folder / "words.json").write_text(json.dumps(counts))

    def scores(self, question: str) -> NDArray[np.float32]:
        """The BM25 score of every passage, in row order; words of intent count less than words of subject."""
        total = np.zeros(self.size, dtype=np.float32)
        asked = [word for word in words(question) if word not in STOP_WORDS]
        for share in (1.0, INTENT_SHARE):
            known = [self._bm25.vocab_dict.get(stem(word)) for word in asked if weight(word) == share]
            if ids := [index for index in known if index is not None]:
                total += share * self._bm25.get_scores_from_ids(ids)
        return total

    def document_frequency(self, term: str) -> int:
        index = self._bm25.vocab_dict.get(term)
        if index is None:
            return 0
        pointers = self._bm25.scores["indptr"]
        return int(pointers[index + 1] - pointers[index])
