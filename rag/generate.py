"""A chat model's answer: passages go in as data, the reply streams with numbers, each sentence is checked, mended or marked."""

import re
import secrets
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from rag.cite import NOT_ANSWERED, Cited, Segment, citation
from rag.llm import Chat, Messages, NoReply
from rag.markers import ID, Statement, renumbered, statements, write_numbers
from rag.orders import is_order
from rag.types import Citation, Length, Passage, Turn
from rag.units import units
from rag.verify import Checker

PROMPT = Path(__file__).parent / "prompts" / "answer-v1.md"
REFUSAL = "NOT_IN_PASSAGES"
UNSUPPORTED = "*(not supported by the guides)*"
REMEMBERED = 3  # earlier exchanges the model is shown
LONGEST_QUESTION = 300
NUMBERED_LINE = re.compile(r"^\s*(\d{1,3})\s*[.:)]\s*(\S.*)$", re.M)
FENCE_LINE = re.compile(r"^[ \t]*(?:```|~~~)\w*[ \t]*$", re.M)
EMPTY_ITEM = re.compile(r"^[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]*$\n?", re.M)


class Generation:
    """One answer in the making."""

    def __init__(self, chat: Chat, checker: Checker, passages: Sequence[Passage]) -> None:
        self._chat = chat
        self._checker = checker
        self._passages = dict(zip(drawn_names(passages), passages, strict=True))
        self._seal = secrets.token_hex(4)
        self._drawn = {self._seal: "@seal@", **{name: f"@{place}@" for place, name in enumerate(self._passages)}}
        self._numbers: dict[str, int] = {}
        self._told_of: dict[str, int] = {}
        self._started = time.perf_counter()
        self._first_token_ms: float | None = None
        self._changed: list[dict[str, str]] = []
        self._counts = {"repaired": 0, "dropped": 0, "unsupported": 0}
        self.shown = ""

    def stream(self, question: str, history: Sequence[Turn], length: Length) -> Generator[str | Citation, None, Cited | None]:
        """The answer's text and citations as they come; returns both checked, None if nothing answers. Raises NoReply."""
        messages = self._messages(question, history, length)
        reply = ""
        for reply in self._chat.stream(messages, self._drawn):
            self._first_token_ms = self._first_token_ms or round((time.perf_counter() - self._started) * 1000, 1)
            if not REFUSAL.startswith(opening(reply)):
                numbers: dict[str, int] = {}
                yield from self._show(write_numbers(reply.lstrip(), self._passages, numbers, whole=False), numbers)
        if opening(reply) == REFUSAL:
            return None
        text = write_numbers(reply.strip(), self._passages, self._numbers)
        yield from self._show(text, self._numbers)
        return self._cited(self._checked(text, [*messages, ("ai", reply)]))

    def record(self) -> dict[str, Any]:
        chat = self._chat
        return {
            "name": chat.name, "prompt": PROMPT.stem, "cached": chat.cached, "tries": chat.tries, "faults": chat.faults,
            "tokens": chat.tokens, "tokens_in": chat.tokens_in, "tokens_out": chat.tokens_out, "cost": chat.cost,
            "first_token_ms": self._first_token_ms, **self._counts, "changed": self._changed,
        }  # fmt: skip

    def _show(self, text: str, numbers: Mapping[str, int]) -> Iterator[str | Citation]:
        """What is new; nothing while a second try has not caught up with what the first one showed."""
        if text.startswith(self.shown) and text != self.shown:
            for name, number in numbers.items():
                if self._told_of.get(name) != number:
                    claims = [statement.text for statement in statements(text) if number in statement.numbers]
                    yield self._citation(number, self._passages[name], claims)
            self._told_of = dict(numbers)
            new, self.shown = text[len(self.shown) :], text
            yield new

    def _messages(self, question: str, history: Sequence[Turn], length: Length) -> list[tuple[str, str]]:
        names = list(self._passages)
        marks = {"example": names[0], "other": names[-1], "seal": self._seal, "refusal": REFUSAL, "gap": NOT_ANSWERED}
        system = section("system", **marks, length=section(length))
        asked = section("question", passages=self._shelf(), seal=self._seal, question=question)
        turns = [
            message
            for turn in history[-REMEMBERED:]
            for message in (("human", turn.question), ("ai", renumbered(turn.answer, {})))
            if message[1]
        ]
        return [("system", system), *turns, ("human", asked)]

    def _shelf(self) -> str:
        return "\n\n".join(
            f"<{name}>\n{passage.source.title}: {passage.heading_at(0)}\n\n{passage.text}\n</{name}>"
            for name, passage in self._passages.items()
        )

    def _checked(self, text: str, said: Messages) -> str:
        """The text with what no passage supports rewritten, dropped or marked; at least one sentence must hold."""
        found = statements(text)
        held = self._held(found)
        wrong = [statement for statement in found if statement not in held]
        mended = self._mended(wrong, said)
        for statement in reversed(wrong):
            now, rest = mended.get(statement, marked(statement)), text[statement.end :]
            self._counts["unsupported" if statement not in mended else "repaired" if now else "dropped"] += 1
            self._changed.insert(0, {"was": statement.text, "now": now})
            text = text[: statement.start] + now + (rest if now else rest.lstrip(" \t"))
        if not self._counts["repaired"] and not any(map(self._names, held)):
            raise NoReply("said nothing that the guides support")
        return re.sub(r"\n{3,}", "\n\n", EMPTY_ITEM.sub("", text)).strip() if self._counts["dropped"] else text

    def _mended(self, wrong: Sequence[Statement], said: Messages) -> dict[Statement, str]:
        """What becomes of sentences that failed: the model's new words where they stand the same check, none where one goes."""
        mended = {statement: "" for statement in wrong if betrays(statement)}
        tried: dict[Statement, str] = {}
        for statement, line in self._told("repair", [item for item in wrong if item not in mended], said).items():
            if line.strip(" .*").upper() == "DROP":
                mended[statement] = ""
            else:
                tried[statement] = write_numbers(line, self._passages, self._numbers).strip()
        parts = {statement: statements(text) for statement, text in tried.items()}
        held = set(self._held([part for own in parts.values() for part in own]))
        return mended | {statement: tried[statement] for statement, own in parts.items() if own and held.issuperset(own)}

    def _held(self, found: Sequence[Statement]) -> list[Statement]:
        """Those that the passages they cite support, in the eyes of every judge."""
        held = [statement for statement in found if self._supported(statement)]
        judged = list(filter(self._names, held)) if self._chat.judges else []
        verdicts = self._told("judge", judged, passages=self._shelf())
        return [statement for statement in held if not verdicts.get(statement, "").lower().startswith("no")]

    def _told(self, name: str, found: Sequence[Statement], said: Messages = (), **values: str) -> dict[Statement, str]:
        """What the model has to say of each of these statements: nothing, when it gives no reply."""
        if not found:
            return {}
        lines = [
            f"{place}: {' '.join(item.text.split())} [{', '.join(self._names(item))}]"
            for place, item in enumerate(found, start=1)
        ]
        try:
            reply = self._chat.say([*said, ("human", section(name, sentences="\n".join(lines), **values))], self._drawn)
        except NoReply:
            return {}
        return {found[int(number) - 1]: line for number, line in NUMBERED_LINE.findall(reply) if 0 < int(number) <= len(found)}

    def _supported(self, statement: Statement) -> bool:
        evidence = "\n\n".join(self._passages[name].text for name in self._names(statement))
        if not evidence or betrays(statement):
            return statement.text == NOT_ANSWERED
        if statement.kind in ("code", "formula"):
            given = {" ".join(line.split()) for line in evidence.split("\n")}
            own = [" ".join(line.split()) for line in FENCE_LINE.sub("", statement.text).split("\n") if re.search(r"\w", line)]
            return given.issuperset(own)
        if statement.kind == "table":
            rows = [row for row in renumbered(statement.text, {}).split("\n")[1:] if re.search(r"\w", row)]
            return all(self._checker.supports(evidence, row) for row in rows)
        return self._checker.supports(evidence, statement.text)

    def _names(self, statement: Statement) -> list[str]:
        """The passages it cites; a number that we did not write stands for none."""
        names = dict(enumerate(self._numbers, start=1))
        return [names[number] for number in statement.numbers if number in names]

    def _cited(self, text: str) -> Cited:
        """Numbers counted anew where a check took some away, each with the stretch of its passage that supports what cites it."""
        claims: dict[str, list[str]] = {}
        for statement in statements(text):
            for name in self._names(statement):
                claims.setdefault(name, []).append(statement.text)
        numbers = {name: place for place, name in enumerate(claims, start=1)}
        text = renumbered(text, {self._numbers[name]: number for name, number in numbers.items()})
        return Cited(text, tuple(self._citation(numbers[name], self._passages[name], claims[name]) for name in claims))

    def _citation(self, number: int, passage: Passage, claims: Sequence[str]) -> Citation:
        pieces = units(passage.text)
        best = [max(pieces, key=lambda unit: self._checker.strength(unit.text, claim)) for claim in claims]
        sure = [unit for unit, claim in zip(best, claims, strict=True) if self._checker.supports(unit.text, claim)]
        chosen = sorted(sure or pieces, key=lambda unit: unit.start)
        return citation(number, Segment(passage, tuple(chosen)))


def drawn_names(passages: Sequence[Passage]) -> list[str]:
    """Names that no text can have foreseen."""
    taken = {name for passage in passages for name in re.findall(ID, passage.text)}
    free = [name for name in map("p{:03x}".format, range(16**3)) if name not in taken]
    return secrets.SystemRandom().sample(free, len(passages))


def betrays(statement: Statement) -> bool:
    """Whether the model follows an order, or shows the word that only we should see."""
    return is_order(statement.text) or REFUSAL in statement.text


def opening(reply: str) -> str:
    """As much of the reply's beginning as may be the word for a refusal."""
    return reply.lstrip(" \n*_`\"'")[: len(REFUSAL)].strip()


def marked(statement: Statement) -> str:
    """The statement with the mark before its full stop, so that it stays a sentence of its own."""
    if statement.kind in ("code", "formula", "table"):
        return f"{statement.text}\n\n{UNSUPPORTED}"
    said = statement.text.rstrip(".!?:")
    return f"{said} {UNSUPPORTED}{statement.text[len(said) :]}"


def rewritten(chat: Chat, question: str, history: Sequence[Turn]) -> str | None:
    """A follow-up question in words that stand alone; None when the model gives none."""
    lines = [f"Question: {turn.question}\nAnswer: {renumbered(turn.answer, {})}" for turn in history[-REMEMBERED:]]
    conversation = "\n\n".join([*lines, f"Last question: {question}"])
    try:
        reply = chat.say([("human", section("rewrite", conversation=conversation))]).strip().strip('"')
    except NoReply:
        return None
    return reply if "\n" not in reply and len(reply) <= LONGEST_QUESTION else None


def section(name: str, **values: str) -> str:
    """What stands under a heading of the prompt file, filled in."""
    _, *parts = re.split(r"^## (\w+)\n", PROMPT.read_text(encoding="utf-8"), flags=re.M)
    return Template(parts[parts.index(name) + 1].strip()).substitute(values)
