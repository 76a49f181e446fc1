"""The offline answer: sentences and blocks quoted from the passages, ordered so they read as one, every one of them cited."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from rag.cite import LINK, Cited, Section, Segment, plain, resolve
from rag.embed import Floats
from rag.index import Index
from rag.rerank import FLOOR, unit_tokens
from rag.retrieve import Found, Retrieval
from rag.types import Length, Passage, Turn
from rag.units import Unit, units
from rag.words import flat, terms

WANTS_CODE = re.compile(
    r"\b(implement\w*|code|coding|from scratch|function|snippet|in (python|sql|pandas|numpy)|(sql|pandas) (query|code)"
    r"|query (for|to)|write (a|an|the|me))\b|^(\S+ ){0,4}(sql|pandas|numpy)$",
    re.I,
)
IMPERATIVE = re.compile(r"(explain|describe|compare|implement|write|design|give|show|define|code|walk)\b", re.I)
WANTS_STEPS = re.compile(
    r"\b(how (do|would|should|can|to)|steps?|debug\w*|fix\w*|check|diagnos\w*|detect\w*|plan|prepare|approach)\b", re.I
)
WANTS_MEANING = re.compile(r"^\s*(what('s| is| are| does)|define|explain|meaning of)\b", re.I)

STATES_A_BELIEF = re.compile(r"\b(since|so (i|we|the|how|what|which)|means|always|never|is dead|is safe)\b|right\?", re.I)

# Speech in the first person, or a false belief put right: good when asked for, poor as an addition.
SPEECH = re.compile(r"\b(I|I'd|I'm|my)\b")
CORRECTION = re.compile(r"\b(wrong answer|false belief)\b")

SUPPORT_SCORE = 0.7  # of the lead's score: what is further behind is about something else
SUPPORT_COSINE = 0.12  # how much farther from the question than the lead another guide's passage may be
SUPPORT_MATCH = 0.35  # of the lead's best piece: how well a further sentence must meet the question itself
POINTER_WORDS = 12
TOLD = 0.2
REPEATS = 0.6  # share of a sentence's terms already said


@dataclass(frozen=True)
class Budget:
    """How many words an answer may have: in all, from its lead, and from each of its supports."""

    words: int
    lead: int
    supports: int
    support: int

    def shared(self, parts: int) -> "Budget":
        """For one of several parts: a smaller answer, of a better half each."""
        share = min(1.4 / parts, 1.0)
        return Budget(int(self.words * share), int(self.lead * share), -(-self.supports // parts), int(self.support * share))


BUDGETS: dict[Length, Budget] = {
    "short": Budget(90, 90, 0, 0),
    "standard": Budget(300, 190, 3, 90),
    "deep": Budget(600, 320, 6, 150),
}


@dataclass(frozen=True)
class Scored:
    """A passage cut into units, each with how well it meets the question."""

    passage: Passage
    units: tuple[Unit, ...]
    scores: tuple[float, ...]

    def has(self, kind: str) -> bool:
        return any(unit.kind == kind for unit in self.units)


@dataclass(frozen=True)
class Before:
    """What the person has read already: in this answer, and in the conversation."""

    segments: tuple[Segment, ...]
    conversation: str


def compose(found: Found, enough: Sequence[bool], index: Index, length: Length, history: Sequence[Turn] = ()) -> Cited | None:
    """An answer to the question, or to each of its parts that the guides answer; None when nothing can be quoted."""
    before = Before((), flat(" ".join(turn.answer for turn in history)))
    tasks = tasks_of(found, enough)
    budget = BUDGETS[length].shared(len(tasks))
    sections: list[Section] = []
    for task in tasks:
        segments = answer_one(" ".join(task.asked), task.retrieval, index, budget, before) if task.answered else []
        before = replace(before, segments=(*before.segments, *segments))
        title = " ".join(map(as_title, task.asked)) if len(tasks) > 1 else ""
        place = None if segments or not task.answered else where_quoted(task.retrieval.passages[0], sections)
        if place is None:
            sections.append(Section(title, tuple(segments)))
        else:
            sections[place] = replace(sections[place], title=f"{sections[place].title} {title}")
    return resolve(sections) if before.segments else None


def where_quoted(passage: Passage, sections: Sequence[Section]) -> int | None:
    """The section that has the passage already: what answers two parts is given once."""
    quoting = (
        place for place, section in enumerate(sections) for segment in section.segments if segment.passage.id == passage.id
    )
    return next(quoting, None)


@dataclass(frozen=True)
class Task:
    """One thing to answer: the question, or a part of it with what was asked in vain about the same subject."""

    asked: tuple[str, ...]
    retrieval: Retrieval
    answered: bool


def tasks_of(found: Found, enough: Sequence[bool]) -> list[Task]:
    """A part without evidence goes with the first, whose subject it shares; one with a subject of its own stays unanswered."""
    if not found.understood.parts:
        return [Task((found.understood.text,), found.retrievals[0], enough[0])]
    tasks: list[Task] = []
    for part, retrieval, answered in zip(found.understood.parts, found.retrievals, enough, strict=True):
        if tasks and part.leans and not answered:
            tasks[0] = replace(tasks[0], asked=(*tasks[0].asked, part.asked))
        else:
            tasks.append(Task((part.asked,), retrieval, answered))
    return tasks


def as_title(part: str) -> str:
    """A part of the question as the line above its answer."""
    words = re.sub(r"^\W*(and|but|also|so|then|plus)[\s,]+", "", part, flags=re.I).strip(" .,;?")
    words = re.sub(r"\bi\b(?!\.)", "I", words)
    return f"{words[:1].upper()}{words[1:]}{'' if IMPERATIVE.match(words) else '?'}"


def answer_one(question: str, retrieval: Retrieval, index: Index, budget: Budget, before: Before) -> list[Segment]:
    """The best passage at length, then what other passages on the same subject add; nothing that was quoted before."""
    used = {row for segment in before.segments for row in segment.passage.rows}
    fresh = [passage for passage in retrieval.passages if not used & set(passage.rows)]
    scored = [item for item in (score_units(passage, retrieval, index) for passage in fresh) if item.units]
    if not scored:
        return []
    lead = max(scored, key=lambda item: item.passage.score + shape_bonus(question, item) - told(item, before))
    segments = excerpt(lead, budget.lead, WANTS_CODE.search(question) is not None)
    left = budget.words - sum(segment.words for segment in segments)
    supports = 0
    for item in scored:
        if supports == budget.supports or item.passage.score < SUPPORT_SCORE * lead.passage.score:
            break
        said = [set(terms(unit.text)) for segment in [*before.segments, *segments] for unit in segment.units]
        if item is lead or not coherent(lead, item) or not adds(item, said, SUPPORT_MATCH * max(lead.scores)):
            continue
        extra = beginning(item, min(budget.support, left))
        if extra and extra.words <= left:
            segments.append(extra)
            left -= extra.words
            supports += 1
    return segments


def told(item: Scored, before: Before) -> float:
    """What to take off a passage whose beginning the conversation has heard already."""
    return TOLD * (flat(item.units[0].text) in before.conversation)


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
    pieces = tuple(unit for unit in units(passage.text) if not points_elsewhere(unit))
    starts, matches = token_matches(passage, retrieval, index)
    weights = retrieval.query.weights
    total = float(weights.sum()) or 1.0
    scores = []
    for unit in pieces:
        inside = matches[:, np.searchsorted(starts, unit.start) : np.searchsorted(starts, unit.end)]
        best = inside.max(axis=1, initial=0.0)
        scores.append(float(weights @ np.square(np.maximum(best - FLOOR, 0.0))) / total)
    return Scored(passage, pieces, tuple(scores))


def points_elsewhere(unit: Unit) -> bool:
    """ "The guide on X gives the rest": of use in the guide, none in an answer."""
    return unit.kind == "sentence" and LINK.search(unit.text) is not None and len(plain(unit.text).split()) <= POINTER_WORDS


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
    pieces, scores = list(item.units[first:last]), item.scores[first:last]
    keep = set(range(len(pieces)))
    if sum(unit.words for unit in pieces) > budget:
        room = budget - pieces[0].words
        pieces[1:] = [unit.cut(room) if unit.kind == "list" else unit for unit in pieces[1:]]
        keep = within(pieces, scores, budget)
    for place in reversed(range(len(pieces))):  # what is announced comes with its announcement, or neither
        if pieces[place].announces and place + 1 not in keep:
            keep.discard(place)
    runs = groupby(range(len(pieces)), key=(keep or {0}).__contains__)  # neighbours in the guide are quoted as one span
    return [Segment(item.passage, tuple(pieces[place] for place in run)) for kept, run in runs if kept]


def within(pieces: Sequence[Unit], scores: Sequence[float], budget: int) -> set[int]:
    """Which pieces to keep: the first, then the best ones that fit, each with the piece it leans on."""
    keep = {0}
    left = budget - pieces[0].words
    ranked = sorted(range(1, len(pieces)), key=lambda place: (-scores[place] - (pieces[place].kind == "list") * 0.1, place))
    for place in ranked:
        first, last = place, place
        while first > 0 and pieces[first].leans and first not in keep:
            first -= 1
        if pieces[place].announces and place + 1 < len(pieces):
            last += 1
        new = set(range(first, last + 1)) - keep
        cost = sum(pieces[place].words for place in new)
        if cost <= left:
            keep |= new
            left -= cost
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
