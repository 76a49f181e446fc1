"""Does the evidence say what a sentence says? A few signals, weighed by boosted trees fitted with `python -m evals.checker`."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.embed import Encoder, Floats
from rag.index import Index
from rag.rerank import FLOOR, unit_tokens
from rag.sentences import sentence_spans
from rag.words import STOP_WORDS, flat, stem, terms, words

RULE = Path(__file__).with_name("verify.json")
SUPPORTED = 0.5
REMEMBERED = 30_000  # sentences whose vectors are kept
WINDOW_WORDS = 180  # the passages the rule was fitted on are about this long
NEAR = 4  # words that stand this close belong together

NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
NUMBER_WORDS = {"half": "0.5", "twice": "2", "double": "2", "hundred": "100", "thousand": "1000"} | {
    word: str(value) for value, word in enumerate("two three four five six seven eight nine ten eleven twelve".split(), start=2)
}
NEGATIONS = frozenset(
    "not no never nor none without cannot neither hardly rarely seldom nothing fail fails failed lack lacks".split()
)
OPPOSITES = tuple(
    tuple(frozenset(stem(word) for word in side.split("|")) for side in pair.split("/"))
    for pair in (
        "increase|raise|grow|rise|up/decrease|lower|reduce|shrink|fall|drop|cut|down",
        "high|higher|highest|large|larger|big|bigger|more|many|most/low|lower|small|smaller|less|few|fewer|least",
        "better|best|good|improve|help/worse|worst|bad|hurt|harm|degrade",
        "before|earlier|first/after|later|last", "always|all|every/never|sometimes|some|none", "fast|faster|quick/slow|slower",
        "positive/negative", "train|training/test|validation|serve|serving", "with|include|keep/without|exclude|remove|drop",
        "over|above|overestimate|overfit/under|below|underestimate|underfit", "cheap|cheaper/expensive|costly|dear",
        "safe|valid|right|correct|true/unsafe|invalid|wrong|incorrect|false", "stable/unstable", "same|equal/different|differ",
        "linear/nonlinear|non", "supervised/unsupervised", "batch|offline/online",
        "maximum|max|maximise|maximize/minimum|min|minimise|minimize", "sparse/dense", "early/late",
        "wide|wider/narrow|narrower", "simple|simpler/complex", "local/global",
        "short|shorter/long|longer",
        "biased|bias/unbiased|variance", "dependent|depend/independent", "require|need|must/optional|unnecessary",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Signals:
    """How a sentence compares with a window of evidence; each between 0 and 1."""

    said: float  # share of its terms, by rarity, that the nearest stretch contains
    anywhere: float  # share that the window contains
    met: float  # how near the nearest stretch comes to each of its word pieces
    met_anywhere: float  # how near the window does
    same_sense: float  # cosine, in context, of the word pieces that both have
    new_numbers: float  # share of its numbers that the window lacks
    number_sense: float  # share of the terms around its numbers that stand around them in the window too
    negated: float  # 1 when it denies and the nearest stretch does not, or the other way round
    opposite: float  # 1 when it says "more" where the nearest stretch says "less"


@dataclass(frozen=True)
class Stretch:
    """A sentence of evidence, or a few that follow each other."""

    text: str
    vector: Floats
    token_ids: NDArray[np.int32]
    tokens: Floats
    terms: tuple[str, ...]


class Checker:
    """Tells how well evidence supports a sentence; remembers the sentences it has read."""

    def __init__(self, encoder: Encoder, index: Index) -> None:
        self._encoder = encoder
        self._index = index
        self._known: dict[str, Stretch] = {}
        self._rule = Rule.load()

    def supports(self, evidence: str, sentence: str) -> bool:
        return self.strength(evidence, sentence) >= SUPPORTED

    def strength(self, evidence: str, sentence: str) -> float:
        """Between 0 and 1; a sentence that stands in the evidence word for word has 1."""
        if (said := flat(sentence)) and said in flat(evidence):
            return 1.0
        return max((self._rule.chance(signals) for signals in self.signals(evidence, sentence)), default=0.0)

    def signals(self, evidence: str, sentence: str) -> Iterator[Signals]:
        """For each window of the evidence that holds words to compare."""
        (claim,) = self.read([" ".join(sentence.split())])
        if claim.terms:
            for window in windows(self.read(pieces(evidence))):
                yield self.compare(claim, window)

    def compare(self, claim: Stretch, window: Sequence[Stretch]) -> Signals:
        near, whole = nearest(claim, window), joined(window)
        return Signals(
            said=self._index.share(claim.terms, set(near.terms)),
            anywhere=self._index.share(claim.terms, set(whole.terms)),
            met=met(claim, near),
            met_anywhere=met(claim, whole),
            same_sense=same_sense(claim, whole),
            new_numbers=new_numbers(claim.text, whole.text),
            number_sense=number_sense(claim.text, whole.text),
            negated=float(negates(claim.text) != negates(near.text)),
            opposite=float(opposes(claim.terms, near.terms)),
        )

    def read(self, texts: Sequence[str]) -> list[Stretch]:
        if len(self._known) > REMEMBERED:
            self._known.clear()
        new = sorted({text for text in texts if text not in self._known})
        for text, encoding in zip(new, self._encoder.encode(new), strict=True):
            self._known[text] = Stretch(
                text, encoding.vector, encoding.token_ids, unit_tokens(encoding.tokens), tuple(terms(text))
            )
        return [self._known[text] for text in texts]


@dataclass(frozen=True)
class Rule:
    """Boosted trees, as `python -m evals.checker --fit` writes them: a node is [signal, threshold, below, above] or a value."""

    start: float
    trees: list[Any]

    @classmethod
    def load(cls) -> "Rule":
        return cls(**json.loads(RULE.read_text(encoding="utf-8")))

    def chance(self, signals: Signals) -> float:
        values = asdict(signals)
        total = self.start
        for node in self.trees:
            while isinstance(node, list):
                name, threshold, below, above = node
                node = below if values[name] <= threshold else above
            total += node
        return 1 / (1 + math.exp(-total))


def windows(sentences: Sequence[Stretch]) -> Iterator[list[Stretch]]:
    """Neighbouring sentences of about a section's length, each window half over the one before."""
    lengths = [len(item.text.split()) for item in sentences]
    start = 0
    while start < len(sentences):
        end, words = start, 0
        while end < len(sentences) and words < WINDOW_WORDS:
            words += lengths[end]
            end += 1
        yield list(sentences[start:end])
        if end == len(sentences):
            return
        start += max(1, (end - start) // 2)


def nearest(claim: Stretch, window: Sequence[Stretch]) -> Stretch:
    """The sentence of the window, or two neighbours, that comes nearest to the claim."""
    stretches = [*window, *(joined(pair) for pair in pairwise(window))]
    wanted = set(claim.terms)
    return max(stretches, key=lambda item: float(claim.vector @ item.vector) + len(wanted & set(item.terms)) / len(wanted))


def pieces(evidence: str) -> list[str]:
    lines = re.split(r"\n\s*\n|\n(?=\s*(?:[-*+]|\d{1,3}[.)])\s)|(?<=\|)\n", evidence)
    return [" ".join(line[start:end].split()) for line in lines for start, end in sentence_spans(line)]


def joined(parts: Sequence[Stretch]) -> Stretch:
    vector = np.sum([part.vector for part in parts], axis=0)
    return Stretch(
        " ".join(part.text for part in parts), vector / (np.linalg.norm(vector) + 1e-9),
        np.concatenate([part.token_ids for part in parts]), np.concatenate([part.tokens for part in parts]),
        tuple(term for part in parts for term in part.terms),
    )  # fmt: skip


def met(claim: Stretch, item: Stretch) -> float:
    """How far above the floor the nearest counterpart of the claim's word pieces is, on average."""
    if not len(claim.tokens) or not len(item.tokens):
        return 0.0
    return float((np.maximum((claim.tokens @ item.tokens.T).max(axis=1) - FLOOR, 0.0) / (1 - FLOOR)).mean())


def same_sense(claim: Stretch, item: Stretch) -> float:
    found = [
        float((item.tokens[same] @ claim.tokens[place]).max())
        for place, piece in enumerate(claim.token_ids)
        if len(same := np.flatnonzero(item.token_ids == piece))
    ]
    return sum(found) / len(found) if found else 0.0


def numbers(text: str) -> set[str]:
    found = {match.replace(",", "").rstrip(".").lstrip("0") or "0" for match in NUMBER.findall(text)}
    return found | {NUMBER_WORDS[word].lstrip("0") for word in words(text) if word in NUMBER_WORDS}


def new_numbers(claim: str, evidence: str) -> float:
    said = numbers(claim)
    return len(said - numbers(evidence)) / len(said) if said else 0.0


def negates(text: str) -> bool:
    return sum(word in NEGATIONS or word.endswith(("n't", "n’t")) for word in words(text)) % 2 == 1


def opposes(claim: Sequence[str], evidence: Sequence[str]) -> bool:
    said, given = set(claim), set(evidence)
    return any(
        said & one - given and given & other - said and not said & other and not given & one
        for pair in OPPOSITES
        for one, other in (pair, pair[::-1])
    )


def number_sense(claim: str, evidence: str) -> float:
    """For each number, how much of what stands around it in the claim stands around it in the evidence; 1 when there is none."""
    said, given = counted(claim), counted(evidence)
    shares = []
    for place, word in enumerate(said):
        if word[0].isdigit():
            around = set(said[max(0, place - NEAR) : place + NEAR + 1]) - {word}
            places = [other for other, same in enumerate(given) if same == word]
            meets = [len(around & set(given[max(0, at - NEAR) : at + NEAR + 1])) for at in places]
            shares.append(max(meets, default=0) / max(len(around), 1))
    return sum(shares) / len(shares) if shares else 1.0


def counted(text: str) -> list[str]:
    """Terms and numbers in the order they stand."""
    return [stem(NUMBER_WORDS.get(word, word)) for word in words(text.replace(",", "")) if word not in STOP_WORDS]
