"""The question as it will be searched: tidied, mended, and with its subject carried over when it leans on the conversation."""

import re
from collections.abc import Sequence

from rag.spelling import Speller
from rag.types import Turn
from rag.words import terms

LEANS_ON_HISTORY = re.compile(
    r"^\s*(and|but|so|what about|how about|why|ok|okay|then)\b|\b(it|its|that|this|those|these|them|they|one)\b", re.I
)
SELF_CONTAINED_TERMS = 5


def understand(question: str, history: Sequence[Turn], speller: Speller) -> str:
    tidy = speller.mend(" ".join(question.split()))
    if history and LEANS_ON_HISTORY.search(tidy) and len(terms(tidy)) < SELF_CONTAINED_TERMS:
        return f"{understand(history[-1].question, history[:-1], speller)} {tidy}"
    return tidy
