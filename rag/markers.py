"""Answers as a model writes them: passage ids become stable numbers while the text grows; each statement knows what it cites."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from rag.sentences import sentence_spans
from rag.units import FENCE, Kind, blocks

ID = r"p[0-9a-f]{3}"
BRACKET = rf"(?:\[\s*{ID}(?:[\s,;]+{ID})*\s*\]|(?<!\w)\[\d{{1,3}}\](?!\())"
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
LABEL = re.compile(r"(\*\*|__)[^*_]+\1")
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
            return match["words"]
        named = [name for name in re.findall(ID, match["ids"].lower()) if name in given]
        marks = [f"[{numbers.setdefault(name, len(numbers) + 1)}]" for name in dict.fromkeys(named)]
        before = match.string[: match.start()]
        stop = "" if before.endswith((".", "!", "?", ":")) else match["stop"]
        return stop + "".join(f" {mark}" for mark in marks) if before else " ".join(marks) + match["stop"]

    lines = fenced(reply if whole else settled(reply))
    return "\n".join(line if in_code else PIECE.sub(written, HEADING.sub("", line)) for line, in_code in lines)


def fenced(text: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it belongs to a block of code."""
    open_mark = ""
    for line in text.split("\n"):
        mark = match[1] if (match := FENCE.match(line)) else ""
        yield line, bool(mark or open_mark)
        if mark and mark == (open_mark or mark):
            open_mark = "" if open_mark else mark


def settled(reply: str) -> str:
    """The beginning of a growing reply that later words cannot change."""
    *_, (line, in_code) = fenced(reply)
    whole = SETTLED.match(line)
    ready = OPEN_END.sub("", whole[0]) if whole and not in_code else ""
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
            bullets = [match.span() for match in BULLET.finditer(text[start:end])] if kind == "list" else []
            ends = [bullet[0] for bullet in bullets[1:]] + [end - start]
            for (_, a), b in zip(bullets or [(0, 0)], ends, strict=True):
                found.extend(sentences(text[start + a : start + b], kind, start + a))
    return found


def sentences(text: str, kind: Kind, offset: int) -> Iterator[Statement]:
    """The sentences of a paragraph or item: markers belong to the sentence before them, a bold label to the one after it."""

    def masked(match: re.Match[str]) -> str:
        return match[0] if match["code"] else FILLER * len(match["run"]) + (match["stop"] or "")

    label: int | None = None
    for start, end in sentence_spans(RUN.sub(masked, text)):
        piece = text[start:end]
        said = RUN.sub(lambda match: match["code"] or match["stop"] or "", piece).strip()
        numbers = tuple(number for match in RUN.finditer(piece) for number in numbers_in(match["run"] or ""))
        if not numbers and LABEL.fullmatch(said):
            label = start if label is None else label
        elif re.search(r"\w", said):
            first = start if label is None else label
            said = said if label is None else f"{text[label:start].strip()} {said}"
            yield Statement(kind, offset + first, offset + end, said, tuple(dict.fromkeys(numbers)))
            label = None
    if label is not None:
        yield Statement(kind, offset + label, offset + len(text.rstrip()), text[label:].strip(), ())


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
    return tuple(dict.fromkeys(int(number) for number in re.findall(r"\[(\d+)\]", text)))
