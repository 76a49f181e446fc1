"""What kind of answer a question wants: which section should lead it, and what it must not lack."""

import re
from collections.abc import Callable, Iterator, Set
from functools import partial

from rag.pieces import Pieces
from rag.units import Unit
from rag.words import subject_words, terms

CODE = re.compile(
    r"\b(implement\w*|code|coding|from scratch|function|snippet|python|numpy|pandas|in sql|sql (query|code)"
    r"|query (for|to)|write (a|an|the|me))\b|^sql\b|^(\S+ ){0,4}sql$",
    re.I,
)
STEPS = re.compile(
    r"\b(how (do|would|should|can|to)|steps?|debug\w*|fix\w*|check|diagnos\w*|detect\w*|plan|prepare|approach)\b", re.I
)
MEANING = re.compile(r"^\s*(what('s| is| are| does)|define|explain|meaning of)\b", re.I)
VERSUS = re.compile(r"\b(vs\.?|versus|differen\w+|compare\w*)\b", re.I)
DESIGN = re.compile(r"\b(design|architecture|end to end)\b", re.I)
TROUBLE = re.compile(
    r"\b(debug\w*|fix\w*|diagnos\w*|troubleshoot\w*|what next|goes? wrong|in what order|do i (check|look|try))\b", re.I
)
CHOICE = re.compile(
    r"\b(vs\.?|versus|or|which|should i|do i (really )?need|when (do|would|should|to|is)|choose|pick|worth it)\b", re.I
)

# What is asked, and the heading that answers it best.
HEADINGS = (
    (MEANING, re.compile(r"^what (is|are|does)\b", re.I)),
    (VERSUS, re.compile(r"\b(difference|differ|versus|vs|or)\b", re.I)),
    (DESIGN, re.compile(r"^how would you design\b", re.I)),
)
EXPLAINS = re.compile(r"\bhow (do|would|should|can|to) (i |you |we )?explain\b", re.I)
EXPLANATION = re.compile(r"^how (do|would) you explain\b", re.I)
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
    return CODE.search(question) is not None or lead.passage.source.area == "coding"


def lead_bonus(question: str, item: Pieces) -> float:
    """A small preference for the passage whose shape is the one asked for."""
    heading = item.passage.source.heading_path[-1]
    if CODE.search(question):
        return 0.25 * item.has("code") + 0.15 * (IMPLEMENTS.search(heading) is not None)
    if EXPLAINS.search(question) and EXPLANATION.search(heading):
        return 0.15
    if item.aside:
        return -0.08
    if any(asks.search(question) and answers.search(heading) for asks, answers in HEADINGS):
        return 0.08
    if item.has("code"):
        return -0.04
    return 0.06 * (STEPS.search(question) is not None and item.has("list"))


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
