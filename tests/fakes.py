"""Stand-ins that behave: small enough to compute by hand, honest to the seam they stand behind."""

import hashlib
from collections.abc import Sequence

import numpy as np

from rag.embed import Encoding


class CountingEncoder:
    """Deterministic vectors from the text's words; counts every passage it is asked to embed (a heading alone is one line)."""

    name = "counting"
    dimension = 16

    def __init__(self, name: str = "counting") -> None:
        self.name = name
        self.seen: list[str] = []

    def count(self, text: str) -> int:
        return len(text.split())

    def knows(self, word: str) -> bool:
        return False

    def encode(self, texts: Sequence[str]) -> list[Encoding]:
        self.seen.extend(text for text in texts if "\n" in text)
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Encoding:
        words = text.split()
        tokens = np.stack([direction(word) for word in words]) if words else np.zeros((0, 16), dtype=np.float32)
        vector = tokens.sum(axis=0) if words else direction("")
        starts, position = [], 0
        for word in words:
            position = text.index(word, position)
            starts.append(position)
            position += len(word)
        return Encoding(
            (vector / (np.linalg.norm(vector) or 1.0)).astype(np.float32),
            np.array([number(word) % 1000 for word in words], dtype=np.int32),
            np.array(starts, dtype=np.int32),
            np.rint(tokens * 127).astype(np.int8),
        )


def number(word: str) -> int:
    return int.from_bytes(hashlib.sha256(word.lower().encode()).digest()[:4], "big")


def direction(word: str) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    random = np.random.default_rng(number(word))
    vector = random.normal(size=16)
    return (vector / np.linalg.norm(vector)).astype(np.float32)
