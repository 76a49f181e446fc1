"""What kind of answer a question wants: which section should lead it, and what it must not lack."""

import math
import re
from collections.abc import Callable, Iterator, Set
from functools import partial

from rag.pieces import Pieces
from rag.units import Unit
from rag.words import subject_words, terms

SAYS_MORE = 0.08  # times the logarithm of a passage's words
CODE = re.compile(
    r"\b(implement\w*|code|coding|from scratch|function|snippet|python|numpy|pandas|in sql|sql (query|code)"
    r"|query (for|to)|write (a|an|the|me))\b|^sql\b|^(\S+ ){0,4}sql$",
    re.I,
)
TROUBLE = re.compile(
    r"\b(debug\w*|fix\w*|diagnos\w*|troubleshoot\w*|what next|goes? wrong|in what order|do i (check|look|try))\b", re.I
)
CHOICE = re.compile(
    r"\b(vs\.?|versus|or|which|should i|do i (really )?need|when (do|would|should|to|is)|choose|pick|worth it)\b", re.I
)

# What is asked for, and the heading of the section that is one.
SHAPES = (
    (
        re.compile(r"\bhow (do|would|should|can|to) (i |you |we )?explain\b", re.I),
        re.compile(r"^how (do|would) you explain\b", re.I),
    ),
    (re.compile(r"\b(design|architecture|end to end)\b", re.I), re.compile(r"^how would you design\b", re.I)),
)
IMPLEMENTS = re.compile(r"^how do you (implement|write|compute)\b", re.I)

SIDES = re.compile(
    r"(?:\bbetween\s+|\bcompare\s+|^|[,:]\s*)(?P<one>[^,:;?]{2,40}?)\s+(?:vs\.?|versus|compared (?:to|with)|or|and)\s+"
    r"(?P<other>[^,:;?]{2,40}?)(?=\s+(?:vs|versus|or|for|when|in)\b|[,:;?]|$)",
    re.I,
)
RULE = re.compile(
    r"\b(use|choose|prefer|pick|take|start with)\b.{3,}\b(when|if|for|unless|because|where)\b"
    r"|\b(when|if|for)\b.{3,}\b(use|choose|prefer|pick|take)\b",
    re.I | re.S,
)

Need = Callable[[Unit], bool]


def wants_code(question: str, lead: Pieces) -> bool:
    """Code comes when it is asked for, and where a coding task leads the answer."""
    return CODE.search(question) is not None or (lead.passage.source.area == "coding" and lead.has("code"))


def lead_bonus(question: str, item: Pieces) -> float:
    """A small preference for the passage that says more and has the shape asked for."""
    heading = item.passage.source.heading_path[-1]
    more = SAYS_MORE * math.log(10 + sum(unit.words for unit in item.units))
    if CODE.search(question):
        return more + 0.25 * item.has("code") + 0.15 * (IMPLEMENTS.search(heading) is not None)
    return more + 0.15 * any(asked.search(question) and given.search(heading) for asked, given in SHAPES)


def needs(question: str) -> Iterator[Need]:
    """What the answer must have beside what is likeliest, where the guides have it."""
    if sides := SIDES.search(question):
        one, other = (set(terms(" ".join(subject_words(sides[name])))) for name in ("one", "other"))
        yield from (partial(mentions, side) for side in (one - other, other - one) if side)
    if CHOICE.search(question):
        yield lambda unit: RULE.search(unit.text) is not None
    if TROUBLE.search(question):
        yield lambda unit: unit.kind == "list"


def mentions(side: Set[str], unit: Unit) -> bool:
    return not unit.terms.isdisjoint(side)
