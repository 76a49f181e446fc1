"""The offline answer: sentences and blocks quoted from the passages, ordered so they read as one, every one of them cited."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.cite import Cited, Segment, resolve
from rag.embed import Floats
from rag.index import Index
from rag.rerank import FLOOR, unit_tokens
from rag.retrieve import Retrieval
from rag.types import Passage
from rag.units import Unit, units
from rag.words import terms

WANTS_CODE = re.compile(
    r"\b(implement\w*|code|coding|from scratch|function|snippet|in python|sql|pandas|numpy|query for|write (a|an|the|me))\b", re.I
)
WANTS_STEPS = re.compile(
    r"\b(how (do|would|should|can|to)|steps?|debug\w*|fix\w*|check|diagnos\w*|detect\w*|plan|prepare|approach)\b", re.I
)
WANTS_MEANING = re.compile(r"^\s*(what('s| is| are| does)|define|explain|meaning of)\b", re.I)

STATES_A_BELIEF = re.compile(r"\b(since|so (i|we|the|how|what|which)|means|always|never|is dead|is safe)\b|right\?", re.I)

# Speech in the first person, or a false belief put right: good when asked for, poor as an addition.
SPEECH = re.compile(r"\b(I|I'd|I'm|my)\b")
CORRECTION = re.compile(r"\b(wrong answer|false belief)\b")

LEAD_WORDS = 190
SECOND_WORDS = 90
SECOND_SCORE = 0.85  # of the lead's score: a passage this close says a part of the answer, not an aside
SUPPORTS = 2
SUPPORT_SCORE = 0.55  # of the lead's score: what is further behind is about something else
SUPPORT_COSINE = 0.08  # how much farther from the question than the lead another guide's passage may be
SUPPORT_MATCH = 0.35  # of the lead's best piece: how well a further sentence must meet the question itself
REPEATS = 0.6  # share of a sentence's terms already said


@dataclass(frozen=True)
class Scored:
    """A passage cut into units, each with how well it meets the question."""

    passage: Passage
    units: tuple[Unit, ...]
    scores: tuple[float, ...]

    def has(self, kind: str) -> bool:
        return any(unit.kind == kind for unit in self.units)


def compose(retrieval: Retrieval, index: Index, most_words: int) -> Cited | None:
    """The best passage at length, then what other passages on the same subject add; None when nothing in them can be quoted."""
    question = retrieval.query.text
    scored = [item for item in (score_units(passage, retrieval, index) for passage in retrieval.passages) if item.units]
    if not scored:
        return None
    lead = max(scored, key=lambda item: item.passage.score + shape_bonus(question, item))
    wants_code = WANTS_CODE.search(question) is not None
    segments = excerpt(lead, min(LEAD_WORDS, most_words), wants_code)
    left = most_words - sum(segment.words for segment in segments)
    supports = 0
    for item in scored:
        if supports == SUPPORTS or item.passage.score < SUPPORT_SCORE * lead.passage.score:
            break
        said = [set(terms(unit.text)) for segment in segments for unit in segment.units]
        if item is lead or not coherent(lead, item) or not adds(item, said, SUPPORT_MATCH * max(lead.scores)):
            continue
        close = item.passage.score >= SECOND_SCORE * lead.passage.score
        extra = beginning(item, min(SECOND_WORDS, left) if close else 0)
        if extra and extra.words <= left:
            segments.append(extra)
            left -= extra.words
            supports += 1
    return resolve(segments)


def shape_bonus(question: str, item: Scored) -> float:
    """A small preference for the passage whose shape is the one asked for."""
    heading = item.passage.source.heading_path[-1].lower()
    if WANTS_CODE.search(question):
        return 0.25 * item.has("code") + 0.15 * heading.startswith(
            ("how do you implement", "how do you write", "how do you compute")
        )
    if CORRECTION.search(item.units[0].text) and STATES_A_BELIEF.search(question):
        return 0.12
    if is_aside(item):
        return -0.08
    if item.has("code"):
        return -0.04
    if WANTS_MEANING.search(question):
        return 0.08 * heading.startswith(("what is", "what are", "what does"))
    if WANTS_STEPS.search(question):
        return 0.06 * item.has("list")
    return 0.0


def score_units(passage: Passage, retrieval: Retrieval, index: Index) -> Scored:
    pieces = tuple(units(passage.text))
    starts, matches = token_matches(passage, retrieval, index)
    weights = retrieval.query.weights
    total = float(weights.sum()) or 1.0
    scores = []
    for unit in pieces:
        inside = matches[:, np.searchsorted(starts, unit.start) : np.searchsorted(starts, unit.end)]
        best = inside.max(axis=1, initial=0.0)
        scores.append(float(weights @ np.square(np.maximum(best - FLOOR, 0.0))) / total)
    return Scored(passage, pieces, tuple(scores))


def token_matches(passage: Passage, retrieval: Retrieval, index: Index) -> tuple[NDArray[np.int64], Floats]:
    """Where each word piece of the passage starts, and its cosine with each word piece of the question."""
    starts, tokens = [], []
    for row, shift in zip(passage.rows, part_starts(passage, index), strict=True):
        encoding = index.arrays.encoding(row)
        own = encoding.token_starts >= 0  # the others belong to the heading path
        starts.append(encoding.token_starts[own].astype(np.int64) + shift)
        tokens.append(encoding.tokens[own])
    similarities = unit_tokens(retrieval.query.encoding.tokens) @ unit_tokens(np.concatenate(tokens)).T
    return np.concatenate(starts), np.asarray(similarities, dtype=np.float32)


def part_starts(passage: Passage, index: Index) -> list[int]:
    """Where each of the passage's rows begins inside its text."""
    if len(passage.rows) == 1:
        return [0]
    starts = {part.row: part.start for part in index.catalogue.section(passage.source)}
    return [starts[row] - passage.source.start for row in passage.rows]


def beginning(item: Scored, budget: int) -> Segment | None:
    """The passage's first sentence and what follows it, as far as it fits; nothing when that would cut off a list or table."""
    end, words = 1, item.units[0].words
    for place, unit in enumerate(item.units[1:], start=1):
        words += unit.words
        if words > budget or unit.kind == "code":
            break
        if not unit.announces:
            end = place + 1
    cut_off = end < len(item.units) and item.units[end].kind != "sentence"
    return None if cut_off else Segment(item.passage, item.units[:end])


def excerpt(item: Scored, budget: int, wants_code: bool) -> list[Segment]:
    """From the first sentence that stands alone, onward in the guide's own order, what meets the question and fits."""
    first = opening(item)
    last = len(item.units)
    if not wants_code:  # prose after code is mostly about the code
        last = next((place for place in range(first + 1, last) if item.units[place].kind == "code"), last)
    pieces, scores = item.units[first:last], item.scores[first:last]
    keep = [True] * len(pieces)
    if sum(unit.words for unit in pieces) > budget:
        keep = within(pieces, scores, budget)
    for place in range(len(pieces) - 1, -1, -1):  # what is announced comes with its announcement, or neither
        if pieces[place].announces and (place + 1 == len(pieces) or not keep[place + 1]):
            keep[place] = False
    kept = [unit for unit, wanted in zip(pieces, keep, strict=True) if wanted]
    return runs(item, kept or [pieces[0]])


def within(pieces: Sequence[Unit], scores: Sequence[float], budget: int) -> list[bool]:
    """Which pieces to keep: the first, then the best ones that fit, each with the piece it leans on."""
    keep = [False] * len(pieces)
    left = budget

    def take(places: list[int]) -> None:
        nonlocal left
        new = [place for place in places if not keep[place]]
        cost = sum(pieces[place].words for place in new)
        if cost <= left or not any(keep):
            left -= cost
            for place in new:
                keep[place] = True

    take([0])
    ranked = sorted(range(1, len(pieces)), key=lambda place: (-scores[place] - (pieces[place].kind == "list") * 0.1, place))
    for place in ranked:
        group = [place]
        while group[0] > 0 and pieces[group[0]].leans and not keep[group[0]]:
            group.insert(0, group[0] - 1)
        if pieces[place].announces and place + 1 < len(pieces):
            group.append(place + 1)
        take(group)
    return keep


def coherent(lead: Scored, item: Scored) -> bool:
    """Whether another passage is on the lead's subject: from the same guide, or as near to the question."""
    a, b = lead.passage, item.passage
    return a.source.doc_id == b.source.doc_id or b.stages["dense"] >= a.stages["dense"] - SUPPORT_COSINE


def is_aside(item: Scored) -> bool:
    first = item.units[0].text
    return item.passage.text.startswith('"') or bool(SPEECH.search(first) or CORRECTION.search(first))


def adds(item: Scored, said: Sequence[set[str]], least: float) -> bool:
    """Whether a passage opens with a sentence that stands alone, meets the question and has not been said."""
    first = item.units[0]
    if first.leans or first.announces or is_aside(item) or max(item.scores) < least:
        return False
    own = set(terms(first.text))
    return all(len(own & other) < REPEATS * min(len(own), max(len(other), 1)) for other in said)


def opening(item: Scored) -> int:
    """The unit an answer may open with: the passage's own first sentence, else the best one that stands alone."""
    standing = [place for place, unit in enumerate(item.units) if not unit.leans]
    if not standing or standing[0] == 0:
        return 0
    return max(standing, key=lambda place: (item.scores[place], -place))


def runs(item: Scored, chosen: Sequence[Unit]) -> list[Segment]:
    """Chosen units as segments: neighbours in the guide are quoted as one span."""
    place_of = {unit.start: place for place, unit in enumerate(item.units)}
    segments: list[list[Unit]] = []
    for unit in chosen:
        if segments and place_of[unit.start] == place_of[segments[-1][-1].start] + 1:
            segments[-1].append(unit)
        else:
            segments.append([unit])
    return [Segment(item.passage, tuple(group)) for group in segments]
