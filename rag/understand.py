"""The question as it will be searched: tidied, mended, given the subject it leaves to the conversation, cut into its parts."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile

from rag.sentences import abbreviation_before
from rag.spelling import Speller
from rag.types import Turn
from rag.words import subject_words

POINTS_BACK = re.compile(r"\b(it|its|it's|that|this|those|these|them|they|they're|their|one|ones|there|instead|the same)\b", re.I)
GOES_ON = re.compile(r"^\s*(and|but|so|ok|okay|then|also)\b", re.I)
MAY_GO_ON = re.compile(r"^\s*(what about|how about|what if|why|which|any|for|in)\b", re.I)
NEW_TOPIC = re.compile(
    r"^\s*(and|but|so|ok|okay)?\W*(what|who) (is|are|was) (?!(it|its|that|this|those|these|they|the|your|my)\b)", re.I
)
# Who an explanation is for says how to tell it, not what it is about, unless it is about explaining as such.
AUDIENCE = re.compile(
    r"\s+(?:to|for) (?:an?|my|the|some|someone)\b[^,.;?]{0,40}?\b(?:managers?|stakeholders?|executives?|ceo|boss"
    r"|customers?|grand\w+|child|kids?|teenager|person|people|layman|laymen|beginners?|mom|mum|mother|dad|father|parents|friend"
    r"|(?:five|5|ten|10)[- ]years?[- ]olds?|audience)\b"
    r"|\s+like (?:i'm|i am|im) (?:five|5)\b"
    r"|\s+to (?:business|non-?technical) \w+\b",
    re.I,
)
ASKED_BY = re.compile(
    r"\b(?:what (?:do|should|would) i (?:say|answer) (?:when|if) )?(?:they|someone|(?:the |an |my )?interviewer) (?:just )?"
    r"(?:asks?|asked|goes|says)(?: me)?(?: to)?\b(?! (?:me )?(?:about|for|if|whether)\b)",
    re.I,
)
WHAT_TO_SAY = re.compile(
    r"[\s,.;?]+(?:and |so )?what (?:would|do|should|can) (?:i|you|u) (?:even )?(?:say|tell|answer)"
    r"(?:(?: to)?(?: the| my| an)? (?:interviewers?|them|him|her))?\W*$",
    re.I,
)
READS_AS_A_WORD = re.compile(r"\bDiD\b")  # an abbreviation that would be lost as "did"
TELLS_WHOM = re.compile(r"\b(explain\w*|describe|tell|years?[- ]olds?)\b", re.I)
ABOUT_EXPLAINING = frozenset(
    "model models machine learning ml ai result results metric metrics work project accuracy statistics".split()
)
SELF_CONTAINED = 5  # subject words: a question with that many stands alone
HAS_A_SUBJECT = 2

OPENS_QUESTION = (
    r"(?:how|what|why|when|which|where|who|should|do|does|did|is|are|can|could|would|will|explain|describe|compare|implement|"
    r"write|design|give|show|define)\b"
)
ASKS = re.compile(OPENS_QUESTION, re.I)
# "…, did one kaggle, is still running": goes on telling, though it opens like a question.
TELLS = (
    r"(?:do|does|did|is|are|can|could|would|will|should)\s+(?:not|still|only|also|just|be|been|all|very|too|already|always|never"
    r"|often|usually|mostly|really|one|two|three|four|five|some|several|many|an?)\b"
)
JOINT = re.compile(
    rf"(?<=[.?!;])\s+|,?\s+(?:and|but|also|plus)\s+(?!then\s+do\b)(?:then\s+)?(?={OPENS_QUESTION})"
    rf"|,\s+(?!{TELLS})(?={OPENS_QUESTION})",
    re.I,
)
QUESTION = re.compile(rf"\?\s*$|^(?:[^:?]{{1,60}}:)?\W*(?:(?:and|but|also|so|then|plus)\s+)?{OPENS_QUESTION}", re.I)
DOES = re.compile(r"\b(fix|prevent|avoid|detect|debug|diagnose|handle|solve|implement|check)\b", re.I)
Known = Callable[[str], bool]  # whether the guides are known to answer a question
QUOTED = re.compile(r"(?<!\w)([\"“'‘]).{8,}?([\"”'’])(?!\w)")  # what others said
# What a question takes for granted before it asks.
TAKEN_FOR_GRANTED = (
    re.compile(r"\b(?:since|given that|now that)\s+(.+?)(?:,|$)", re.I),
    re.compile(r"^(.+?),?\s+so (?:i|we|the|how|what|which|where|why|it|that|design)\b", re.I),
    re.compile(r"^(.+?),?\s+(?:right|yeah|correct)\?", re.I),
    re.compile(r"^if (.+?), ", re.I),
    re.compile(r"^why (?:do|does|is|are|did) (.+)$", re.I),
)
MOST_PARTS = 4
MOST_CARRIED = 12  # words


@dataclass(frozen=True)
class Part:
    """One of several things asked: in the person's words, and as it is searched."""

    asked: str
    search: str

    @property
    def leans(self) -> bool:
        return self.search != self.asked


@dataclass(frozen=True)
class Understood:
    """What to search for: the whole question, and its parts when it asks several things."""

    text: str
    parts: tuple[Part, ...] = ()
    belief: str = ""


def understand(question: str, history: Sequence[Turn], speller: Speller, known: Known) -> Understood:
    readable = question.encode(errors="replace").decode()  # half a character, which a terminal may send, no model takes
    tidy = speller.mend(READS_AS_A_WORD.sub("difference-in-differences", " ".join(readable.split())))
    carried = subject_of([turn.question for turn in history]) if history and leans(tidy) and not alone(tidy, known) else ""
    tidy = unframed(tidy)
    parts = split(tidy)
    whole = f"{carried} {tidy}".strip()
    return Understood(whole, tuple(standing_alone(parts, carried, speller, known)) if len(parts) > 1 else (), belief(tidy))


def unframed(question: str) -> str:
    """The question less who asks it and whom the answer is for, where that leaves a subject."""
    told = WHAT_TO_SAY.sub("", ASKED_BY.sub("", question)).strip(" ,:;")
    if len(subject_words(told)) >= HAS_A_SUBJECT:
        question = told
    rest = AUDIENCE.sub("", question)
    return rest if TELLS_WHOM.search(question) and set(subject_words(rest)) - ABOUT_EXPLAINING else question


def belief(question: str) -> str:
    """What the question takes for granted, which may be wrong."""
    found = next((match[1] for match in (pattern.search(question) for pattern in TAKEN_FOR_GRANTED) if match), "")
    return found if len(subject_words(found)) >= HAS_A_SUBJECT and not ASKS.match(found) else ""


def leans(question: str) -> bool:
    """Whether the question leaves its subject to what was said before."""
    subjects = len(subject_words(question))
    if NEW_TOPIC.search(question) and subjects:
        return False
    points_back = MAY_GO_ON.search(question) or POINTS_BACK.search(question)
    return subjects <= 1 or GOES_ON.search(question) is not None or (subjects < SELF_CONTAINED and points_back is not None)


def alone(question: str, known: Known) -> bool:
    """Whether the guides are known to answer just this, whatever was asked before."""
    return not POINTS_BACK.search(question) and known(question)


def subject_of(asked: Sequence[str]) -> str:
    """The subject of the last question that stood alone, and of what was asked last."""
    root = next((earlier for earlier in reversed(asked) if not leans(earlier)), asked[0])
    told = root if root == asked[-1] else f"{root} {asked[-1]}"
    words = list(dict.fromkeys(word.strip('.,;:?!"') for word in told.split() if subject_words(word)))
    return f"{' '.join(words[:MOST_CARRIED])}:" if words else ""


def split(question: str) -> list[str]:
    """The questions within a question; what is told before one belongs to it."""
    parts: list[str] = []
    told = ""
    quoted = [match.span() for match in QUOTED.finditer(question)]
    joints = [
        match.span()
        for match in JOINT.finditer(question)
        if not any(a < match.start() < b for a, b in quoted) and not abbreviation_before(question, match.start() - 1)
    ]
    cuts = [0, *(place for joint in joints for place in joint), len(question)]
    for piece in filter(None, (question[a:b].strip() for a, b in zip(cuts[::2], cuts[1::2], strict=True))):
        if not QUESTION.search(piece):
            told = f"{told} {piece}".strip()
        elif parts and not (subject_words(piece) or DOES.search(piece)):
            parts[-1] += f" {piece}"
        else:
            parts.append(f"{told} {piece}".strip())
            told = ""
    if parts and told:
        parts[-1] += f" {told}"
    return [*parts[: MOST_PARTS - 1], " ".join(parts[MOST_PARTS - 1 :])] if len(parts) > MOST_PARTS else parts


def bare_question(part: str) -> str:
    """What is asked, less what is told before it."""
    sentences = re.split(r"(?<=[.?!;])\s+", part)
    return " ".join(dropwhile(lambda sentence: not QUESTION.search(sentence), sentences)) or part


def standing_alone(parts: Sequence[str], carried: str, speller: Speller, known: Known) -> Iterator[Part]:
    """Each part with the subject of the first, unless the guides are known to answer just that part, or have no word for it."""
    yield Part(parts[0], f"{carried} {parts[0]}".strip())
    subject = subject_of([f"{carried} {bare_question(parts[0])} {parts[0]}"])
    for part in parts[1:]:
        own = alone(part, lambda asked: any(map(speller.foreign, subject_words(asked))) or known(asked))
        yield Part(part, part if own else f"{subject} {part}".strip())
