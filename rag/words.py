"""Words as the lexical index, the reranker and the composer see them."""

import re
from functools import cache

import Stemmer

STEMMER = Stemmer.Stemmer("english")
LINK_TARGET = re.compile(r"\]\([^)\s]*\)")
# The guides write "regularisation" and "neighbour", many people do not; either way it is one stem.
SPELLINGS = (
    (re.compile(r"(?<=[a-z]{2})([iy])z(?=(?:e|ed|es|er|ers|ing|ation|ations|able)$)"), r"\1s"),
    (re.compile(r"(?<=[a-z]{2})our(?=(?:s|ed|ing|al|ally)?$)"), "or"),
    (re.compile(r"(?<=[a-z]{2})tre(?=s?$)"), "ter"),
)
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

# Words that carry no subject: English function words and the scaffolding of a question.
_FUNCTION_WORDS = frozenset(
    """a about above after again against all also am an and any are aren't as at be because been before being below
    between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down during each few for
    from further had hadn't has hasn't have haven't having he her here hers him his how i i'm i've if in into is isn't it
    it's its itself just let let's me more most my myself no nor not now of off on once only or other our ours out over
    own please same she should shouldn't so some such than that that's the their theirs them then there these they this
    those through to too under until up upon us very was wasn't we were weren't what what's when where which while who
    whom why will with won't would wouldn't you your yours""".split()
)
STOP_WORDS = _FUNCTION_WORDS | {word.replace("'", "") for word in _FUNCTION_WORDS}  # people type "dont"

# Words that say what is to be done with a subject. They must not outweigh the subject: "debug" is rare, "skew" is the point.
INTENT_WORDS = frozenset(
    """approach approaches avoid best better check choose choosing come compare comparison cons deal debug debugging decide
    define definition describe detect diagnose difference differences differ example examples explain explanation fix fixing
    get give good guide handle help implement implementation know like look make mean means need prevent pros quick quickly
    reason reasons say show simple solve step steps stop tell tips understand use used using versus vs want way ways work
    works write wrong happen happens happening actually really basically thing things go going went suddenly start
    hows lol gonna wanna literally sucks crap insane deal gets got getting whole stuff""".split()
)
INTENT_SHARE = 0.5


def subject_words(text: str) -> list[str]:
    """The words that say what a question is about."""
    return [word for word in words(text) if word not in STOP_WORDS and word not in INTENT_WORDS]


def weight(word: str) -> float:
    """How much of its rarity a question's word may bring to bear."""
    return INTENT_SHARE if word in INTENT_WORDS else 1.0


def word_at(text: str, position: int) -> str:
    """The word of the text that covers this character."""
    return next((match.group().lower() for match in WORD.finditer(text) if match.start() <= position < match.end()), "")


@cache
def stem(word: str) -> str:
    for american, british in SPELLINGS:
        word = american.sub(british, word)
    return str(STEMMER.stemWord(word))


def words(text: str) -> list[str]:
    return WORD.findall(text.lower().replace("’", "'"))


def terms(text: str) -> list[str]:
    """The stems that count: what the lexical index stores and what a question must find."""
    return [stem(word) for word in words(text) if word not in STOP_WORDS]


def flat(text: str) -> str:
    """The words alone, a space around each: whether one text repeats another must not hang on wraps, links or marks."""
    found = words(LINK_TARGET.sub("]", text))
    return f" {' '.join(found)} " if found else ""
