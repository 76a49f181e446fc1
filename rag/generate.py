"""A chat model's answer: passages go in as data, the reply streams with numbers, each sentence is checked, mended or marked."""

import functools
import re
import secrets
import time
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from string import Template
from typing import Any

from rag.cite import NOT_ANSWERED, Cited, Segment, citation
from rag.llm import Chat, NoReply
from rag.markers import Statement, renumbered, statements, write_numbers
from rag.orders import is_order
from rag.types import Citation, Length, Passage, Turn
from rag.units import units
from rag.verify import Checker

PROMPT = Path(__file__).parent / "prompts" / "answer-v1.md"
REFUSAL = "NOT_IN_PASSAGES"
UNSUPPORTED = "*(not supported by the guides)*"
REMEMBERED = 3  # earlier exchanges the model is shown
LONGEST_QUESTION = 300
NUMBERED_LINE = re.compile(r"^\s*(\d+)\s*[.:)]\s*(\S.*)$", re.M)
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
        self._started = time.perf_counter()
        self._first_token_ms: float | None = None
        self._changed: list[dict[str, str]] = []
        self._counts = {"repaired": 0, "dropped": 0, "unsupported": 0}
        self.shown = ""

    def stream(self, question: str, history: Sequence[Turn], length: Length) -> Generator[str, None, Cited | None]:
        """The answer's text as it comes; returns it checked, or None when the passages do not answer. Raises NoReply."""
        messages = self._messages(question, history, length)
        reply = ""
        for reply in self._chat.stream(messages, self._drawn):
            self._first_token_ms = self._first_token_ms or round((time.perf_counter() - self._started) * 1000, 1)
            if not REFUSAL.startswith(opening(reply)):
                yield from self._show(write_numbers(reply.lstrip(), self._passages, {}, whole=False))
        if opening(reply) == REFUSAL:
            return None
        text = write_numbers(reply.strip(), self._passages, self._numbers)
        yield from self._show(text)
        return self._cited(self._checked(text, [*messages, ("ai", reply)]))

    def record(self) -> dict[str, Any]:
        chat = self._chat
        return {
            "name": chat.name, "prompt": PROMPT.stem, "cached": chat.cached, "tries": chat.tries, "faults": chat.faults,
            "tokens": chat.tokens, "tokens_in": chat.tokens_in, "tokens_out": chat.tokens_out, "cost": chat.cost,
            "first_token_ms": self._first_token_ms, **self._counts, "changed": self._changed,
        }  # fmt: skip

    def _show(self, text: str) -> Iterable[str]:
        """What is new; nothing while a second try has not caught up with what the first one showed."""
        if text.startswith(self.shown) and text != self.shown:
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
            f"<{name}>\n{passage.source.title}: {passage.source.heading_path[-1]}\n\n{passage.text}\n</{name}>"
            for name, passage in self._passages.items()
        )

    def _checked(self, text: str, said: list[tuple[str, str]]) -> str:
        """The text with what no passage supports rewritten, dropped or marked; at least one sentence must hold."""
        found = statements(text)
        holds = self._hold(found)
        wrong = [statement for statement, good in zip(found, holds, strict=True) if not good]
        orders = [statement for statement in wrong if is_order(statement.text) or REFUSAL in statement.text]
        mended = self._mended([statement for statement in wrong if statement not in orders], said)
        for statement in reversed(wrong):
            now = "" if statement in orders else mended.get(statement, marked(statement))
            outcome = "dropped" if not now else "unsupported" if statement not in mended else "repaired"
            self._counts[outcome] += 1
            self._changed.insert(0, {"was": statement.text, "now": now})
            gap = 0 if now else len(text[statement.end :]) - len(text[statement.end :].lstrip(" \t"))
            text = text[: statement.start] + now + text[statement.end + gap :]
        said_something = any(good and statement.numbers for statement, good in zip(found, holds, strict=True))
        if not said_something and not self._counts["repaired"]:
            raise NoReply("said nothing that the guides support")
        return re.sub(r"\n{3,}", "\n\n", EMPTY_ITEM.sub("", text)).strip() if self._counts["dropped"] else text

    def _mended(self, wrong: Sequence[Statement], said: list[tuple[str, str]]) -> dict[Statement, str]:
        """What the model makes of the sentences that failed, where it stands the same check; an empty text drops one."""
        if not wrong:
            return {}
        listed = "\n".join(f"{number}: {' '.join(statement.text.split())}" for number, statement in enumerate(wrong, start=1))
        try:
            reply = self._chat.say([*said, ("human", section("repair", sentences=listed))], self._drawn)
        except NoReply:
            return {}
        rewritten = {}
        for number, line in NUMBERED_LINE.findall(reply):
            if 0 < int(number) <= len(wrong):
                dropped = line.strip(" .*").upper() == "DROP"
                rewritten[wrong[int(number) - 1]] = "" if dropped else write_numbers(line, self._passages, self._numbers).strip()
        parts = {statement: statements(text) for statement, text in rewritten.items()}
        every = [part for own in parts.values() for part in own]
        good = {part for part, holds in zip(every, self._hold(every), strict=True) if holds}
        return {
            statement: text
            for statement, text in rewritten.items()
            if not text or (parts[statement] and good.issuperset(parts[statement]))
        }

    def _hold(self, found: Sequence[Statement]) -> list[bool]:
        """For each statement whether the passages it cites say so, in the eyes of every judge."""
        holds = [self._supported(statement) for statement in found]
        if self._chat.judges and any(holds):
            refused = self._refused([statement for statement, good in zip(found, holds, strict=True) if good])
            holds = [good and statement not in refused for statement, good in zip(found, holds, strict=True)]
        return holds

    def _supported(self, statement: Statement) -> bool:
        evidence = "\n\n".join(passage.text for passage in self._cited_by(statement))
        if not evidence or is_order(statement.text) or REFUSAL in statement.text:
            return statement.text == NOT_ANSWERED
        if statement.kind in ("code", "formula"):
            lines = {" ".join(line.split()) for line in evidence.split("\n")}
            own = [" ".join(line.split()) for line in statement.text.split("\n") if re.search(r"\w", line.lstrip("`~ "))]
            own = own[1:] if statement.kind == "code" and statement.text[3:4].isalpha() else own
            return all(line in lines for line in own)
        if statement.kind == "table":
            rows = [row for row in renumbered(statement.text, {}).split("\n")[1:] if re.search(r"\w", row)]
            return all(self._checker.supports(evidence, row) for row in rows)
        return self._checker.supports(evidence, statement.text)

    def _refused(self, found: Sequence[Statement]) -> list[Statement]:
        """The statements that the model, as second judge, does not find in the passages they cite."""
        names = {number: name for name, number in self._numbers.items()}
        listed = "\n".join(
            f"{place}: {' '.join(statement.text.split())} [{', '.join(names[number] for number in statement.numbers)}]"
            for place, statement in enumerate(found, start=1)
            if statement.numbers
        )
        try:
            reply = self._chat.say([("human", section("judge", passages=self._shelf(), sentences=listed))], self._drawn)
        except NoReply:
            return []
        verdicts = dict(NUMBERED_LINE.findall(reply))
        return [statement for place, statement in enumerate(found, 1) if verdicts.get(str(place), "").lower().startswith("no")]

    def _cited_by(self, statement: Statement) -> list[Passage]:
        return [self._passages[name] for name, number in self._numbers.items() if number in statement.numbers]

    def _cited(self, text: str) -> Cited:
        """Numbers counted anew where a check took some away, each with the stretch of its passage that supports what cites it."""
        found = statements(text)
        new = {old: place for place, old in enumerate(dict.fromkeys(n for item in found for n in item.numbers), start=1)}
        passages = {number: self._passages[name] for name, number in self._numbers.items()}
        claims = {old: [item.text for item in found if old in item.numbers] for old in new}
        return Cited(renumbered(text, new), tuple(self._citation(new[old], passages[old], claims[old]) for old in new))

    def _citation(self, number: int, passage: Passage, claims: Sequence[str]) -> Citation:
        pieces = units(passage.text)
        best = [max(pieces, key=lambda unit: self._checker.strength(unit.text, claim)) for claim in claims]
        sure = [unit for unit, claim in zip(best, claims, strict=True) if self._checker.supports(unit.text, claim)]
        chosen = sorted(sure or pieces, key=lambda unit: unit.start)
        return citation(number, Segment(passage, tuple(chosen)))


def drawn_names(passages: Sequence[Passage]) -> list[str]:
    """Names that no text can have foreseen."""
    texts = "\n".join(passage.text for passage in passages)
    names: list[str] = []
    while len(names) < len(passages):
        name = f"p{secrets.token_hex(2)[:3]}"
        if name not in names and name not in texts:
            names.append(name)
    return names


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
    return Template(sections()[name]).substitute(values)


@functools.cache
def sections() -> dict[str, str]:
    """The prompt file by its headings."""
    parts = re.split(r"^## (\w+)\n", PROMPT.read_text(encoding="utf-8"), flags=re.M)
    return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}
