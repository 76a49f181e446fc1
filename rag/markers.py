"""Answers as a model writes them: passage ids become stable numbers while the text grows; each statement knows what it cites."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from rag.sentences import sentence_spans
from rag.units import FENCE, Kind, blocks

ID = r"p[0-9a-f]{3}"
BRACKET = rf"(?:\[\s*{ID}(?:[\s,;]+{ID})*\s*\]|(?<!\w)\[\d+\](?!\())"
CODE = r"(?<!`)(?P<ticks>`++)[^\n]*?(?<!`)(?P=ticks)(?!`)"
LINK = r"!?\[(?P<words>[^\]\n]*)\]\([^)\n]*\)"
PIECE = re.compile(rf"(?P<code>{CODE})|(?P<ids>[ \t]*{BRACKET}(?:[ \t]*{BRACKET})*)(?P<stop>[.!?:]?)|{LINK}", re.I)
# What cannot change its meaning with what comes after it.
SETTLED = re.compile(rf"(?:{CODE}(?=.)|{BRACKET}|{LINK}|\[[^\]`]*\](?=[^(])|[^`\[!]|!(?=[^\[]))*", re.I)
OPEN_END = re.compile(rf"(?:[ \t]*{BRACKET})*[ \t]*$", re.I)
LINE_MARK = re.compile(r"[ \t]*(?:#*|`*|~*)[ \t]*")
HEADING = re.compile(r"^[ \t]{0,3}#{1,6}[ \t]+")

RUN = re.compile(rf"(?P<code>{CODE})|(?P<stop>[.!?…][\"'”’)*_]*)?(?P<run>(?:(?:^|[ \t]+)\[\d+\])+)", re.M)
BENEATH = re.compile(r"(?:\s*\[\d+\])+\s*")
BULLET = re.compile(r"^[ \t]*(?:[-*+]|\d{1,3}[.)])\s+", re.M)
LABELS = re.compile(r"(?:(\*\*|__)[^*_]+\1\s*)+")
FILLER = "·"


@dataclass(frozen=True)
class Statement:
    """What one sentence, list item or block of an answer says, and the numbers behind it; `start` and `end` include them."""

    kind: Kind
    start: int
    end: int
    text: str
    numbers: tuple[int, ...]


def write_numbers(reply: str, given: Collection[str], numbers: dict[str, int], whole: bool = True) -> str:
    """The reply with ` [n]` for each passage id, numbered as they first occur.

    Ids that were not given, link targets and heading marks go. Of a reply that still grows only what is settled is written:
    it stays as it is, whatever follows.
    """

    def written(match: re.Match[str]) -> str:
        if match["code"]:
            return match[0]
        if match["ids"] is None:
            return match["words"].replace("[", "")  # else "[![a](x)](y)" would leave a link
        named = [name for name in re.findall(ID, match["ids"].lower()) if name in given]
        marks = [f"[{numbers.setdefault(name, len(numbers) + 1)}]" for name in dict.fromkeys(named)]
        before = match.string[: match.start()]
        stop = "" if before.endswith((".", "!", "?", ":")) else match["stop"]
        return stop + "".join(f" {mark}" for mark in marks) if before else " ".join(marks) + match["stop"]

    lines = fenced(reply if whole else settled(reply))
    return "\n".join(line if in_code else PIECE.sub(written, HEADING.sub("", line)) for line, in_code in lines)


def fenced(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it belongs to a block of code; one that opens and closes itself is read as a line of text."""
    closing = ""
    for line in text.split("\n"):
        mark = match[1] if (match := FENCE.match(line)) else ""
        opens = "" if mark in line.strip()[2:] else mark
        yield line, bool(closing or opens)
        closing = opens if not closing else "" if closing in line else closing


def settled(reply: str) -> str:
    """The beginning of a growing reply that later words cannot change."""
    *_, (line, in_code) = fenced(reply)
    whole = None if in_code or FENCE.match(line) else SETTLED.match(line)
    ready = OPEN_END.sub("", whole[0]) if whole else ""
    return reply[: len(reply) - len(line) + (0 if LINE_MARK.fullmatch(ready) else len(ready))]


def statements(text: str) -> list[Statement]:
    """All that an answer with ` [n]` markers states, in reading order."""
    found: list[Statement] = []
    for kind, start, end in blocks(text):
        block = text[start:end]
        if kind in ("code", "formula", "table"):
            found.append(Statement(kind, start, end, block, numbers_in(block) if kind == "table" else ()))
        elif found and BENEATH.fullmatch(block):
            found[-1] = replace(found[-1], end=end, numbers=found[-1].numbers + numbers_in(block))
        else:
            marks = list(BULLET.finditer(block)) if kind == "list" else []
            starts, ends = [mark.end() for mark in marks] or [0], [mark.start() for mark in marks[1:]]
            for first, last in zip(starts, [*ends, len(block)], strict=True):
                found.extend(sentences(block[first:last], kind, start + first))
    return found


def sentences(text: str, kind: Kind, offset: int) -> Iterator[Statement]:
    """The sentences of a paragraph or item: markers belong to the sentence before them, a bold label to the one after it."""

    def masked(match: re.Match[str]) -> str:
        return match[0] if match["code"] else FILLER * len(match["run"]) + (match["stop"] or "")

    spans = sentence_spans(RUN.sub(masked, text))
    label: int | None = None
    for start, end in spans:
        first = start if label is None else label
        said = RUN.sub(lambda match: match["code"] or match["stop"] or "", text[first:end]).strip()
        numbers = numbers_in(text[first:end])
        label = first if LABELS.fullmatch(said) and not numbers and end < spans[-1][1] else None
        if label is None and re.search(r"\w", said):
            yield Statement(kind, offset + first, offset + end, said, numbers)


def renumbered(text: str, numbers: Mapping[int, int]) -> str:
    """The text with its markers renamed; those without a new number go."""

    def written(match: re.Match[str]) -> str:
        if match["code"]:
            return match[0]
        found = [numbers[number] for number in numbers_in(match["run"]) if number in numbers]
        marks = " ".join(f"[{number}]" for number in dict.fromkeys(found))
        space = " " if marks and match["run"][0] in " \t" else ""
        return (match["stop"] or "") + space + marks

    return "\n".join(line if in_code else RUN.sub(written, line) for line, in_code in fenced(text))


def numbers_in(text: str) -> tuple[int, ...]:
    """Those of its markers: an index such as `x[1]` is none."""
    runs = " ".join(match["run"] or "" for match in RUN.finditer(text))
    return tuple(dict.fromkeys(map(int, re.findall(r"\d+", runs))))
