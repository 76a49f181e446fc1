"""`python -m rag "question"`: a cited answer in the terminal."""

from rag.errors import PrepError, end_on_interrupt

if __name__ == "__main__":
    end_on_interrupt()

import argparse
import contextlib
import functools
import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rag import journal
from rag.assistant import Assistant
from rag.markers import fenced
from rag.settings import load_settings
from rag.types import LENGTHS, Answer, Citation, Filters, Turn

EXIT_CODES = {"answered": 0, "not_in_corpus": 3}
RULE = "─" * 30
MARK = re.compile(r"\s*(?:[-*+]|\d+[.)]|\[\d+\])\s+")  # what the rest of an item, or of a source, stands indented under
UNPRINTED = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)])  # what could give the terminal orders
Ask = Callable[[str, Sequence[Turn]], Answer]


class WrongUsage(PrepError):
    """What was typed cannot be done."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m rag",
        description="Answer an interview question from the guides, every sentence cited.",
        epilog="exit codes: 0 answered, 3 not in the guides, 2 wrong usage, 1 failure",
    )
    parser.add_argument("question", nargs="*", help="the question, quoted or not")
    parser.add_argument("--json", action="store_true", help="print the answer as one JSON object")
    parser.add_argument("--batch", nargs=2, type=Path, metavar=("IN.jsonl", "OUT.jsonl"), help="answer a file of questions")
    parser.add_argument("--length", choices=LENGTHS, default="standard", help="30 seconds, 2 minutes, or for the whiteboard")
    parser.add_argument("--area", action="append", default=[], help="only guides of this area (may be repeated)")
    parser.add_argument("--role", action="append", default=[], help="only guides for this role (may be repeated)")
    parser.add_argument("--level", action="append", default=[], help="only guides of this level: core or deep")
    options = parser.parse_args()
    options.question = " ".join(options.question).strip()
    if bool(options.question) == bool(options.batch):
        parser.error('ask one question, or name --batch IN.jsonl OUT.jsonl. Try: python -m rag "What is data leakage?"')
    return options


def main() -> int:
    options = arguments()
    filters = Filters(tuple(options.area), tuple(options.role), tuple(options.level))
    try:
        assistant = Assistant(load_settings())
        check(assistant, filters)
        ask = functools.partial(assistant.ask, filters=filters, length=options.length)
        if options.batch:
            return answer_batch(ask, *options.batch)
        streams = bool(assistant.settings.llm) and sys.stdout.isatty() and not options.json
        answer = shown(assistant.stream(options.question, (), filters, options.length)) if streams else ask(options.question)
    except PrepError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, WrongUsage) else 1
    if answer.status == "not_in_corpus":
        record_gap(assistant, answer)
    if not streams:
        try:
            print(json.dumps(as_json(answer), ensure_ascii=False) if options.json else wrapped(as_text(answer)), flush=True)
        except BrokenPipeError:  # `python -m rag "…" | head` has read enough; Python's own flush at exit must not complain either
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_CODES[answer.status]


def check(assistant: Assistant, filters: Filters) -> None:
    for name, values in filters.groups():
        known = assistant.index.catalogue.labels(name)
        for value in values:
            if value not in known:
                raise WrongUsage(f"No guide has the {name} {value!r}. There are: {', '.join(known)}")


def record_gap(assistant: Assistant, answer: Answer) -> None:
    """A refusal goes on the list of what the guides may lack, as one in the app does."""
    nearest = [f"{item.source.title}: {item.source.heading_path[-1]}" for item in answer.passages[:3]]
    seen = {"understood": answer.trace["understood"], "strength": answer.trace["evidence"]["strength"], "nearest": nearest}
    with contextlib.suppress(OSError):  # a folder that cannot be written must not spoil the answer
        journal.record(assistant.settings, "gap", question=answer.question, **seen)


def shown(pieces: Iterable[str | Citation | Answer]) -> Answer:
    """The answer as it comes; once more as a whole when a check has changed what was shown."""
    seen = ""
    for piece in pieces:
        if isinstance(piece, Answer):
            changed = seen.strip() != piece.text.strip()
            rest = f"{RULE}\nChecked against the guides:\n\n{as_text(piece)}" if changed else below(piece)
            print(f"\n\n{wrapped(rest)}".rstrip(), flush=True)
            return piece
        if isinstance(piece, str):
            print(piece.translate(UNPRINTED), end="", flush=True)
            seen += piece
    raise AssertionError("the last piece is the answer")


def answer_batch(ask: Ask, source: Path, target: Path) -> int:
    """One line out for every line in, failures included; written as it goes."""
    try:
        lines = [line for line in source.read_text(encoding="utf-8-sig").split("\n") if line.strip()]
        if target.exists() and target.samefile(source):
            raise OSError("the answers would overwrite the questions")
        out = target.open("w", encoding="utf-8")
    except (OSError, UnicodeError) as error:
        advice = "Name a file of questions, one JSON object a line, and another for the answers."
        raise WrongUsage(f"{source} cannot be answered into {target}: {error}. {advice}") from None
    failures = 0
    with out:
        for number, line in enumerate(lines, start=1):
            result = answer_line(ask, line, number)
            failures += result["status"] == "error"
            print(json.dumps(result, ensure_ascii=False), file=out, flush=True)
            if sys.stderr.isatty():
                print(f"\r{number}/{len(lines)}", end="", file=sys.stderr)
    print(f"{len(lines)} questions, {failures} failed: {target}", file=sys.stderr)
    return 1 if failures else 0


def answer_line(ask: Ask, line: str, number: int) -> dict[str, Any]:
    name: Any = number
    try:
        item = json.loads(line)
        name = item.get("id", number)
        return {"id": name, **as_json(ask(item["question"], tuple(turns(item.get("history") or []))))}
    except Exception as error:  # one bad line must not cost the others their answers
        return {"id": name, "status": "error", "error": f"{type(error).__name__}: {error}"}


def turns(history: list[Any]) -> Iterator[Turn]:
    """Earlier exchanges: plain questions, {"question", "answer"} pairs, or {"role", "content"} messages."""
    for item in history:
        if isinstance(item, str):
            yield Turn(item)
        elif "question" in item:
            yield Turn(item["question"], item.get("answer", ""))
        elif item.get("role") == "user":
            yield Turn(item["content"])


def as_json(answer: Answer) -> dict[str, Any]:
    citations = [
        {"number": item.number, "guide": item.guide, "heading": item.heading, "path": item.doc_id,
         "start": item.start, "end": item.end, "quote": item.quote}
        for item in answer.citations
    ]  # fmt: skip
    passages = [
        {"id": item.id, "text": item.text, "path": item.source.doc_id, "heading": item.source.heading_path[-1],
         "score": item.score}
        for item in answer.passages
    ]  # fmt: skip
    said = {"question": answer.question, "status": answer.status, "text": answer.text}
    return {**said, "citations": citations, "passages": passages, "trace": answer.trace}


def as_text(answer: Answer) -> str:
    return f"{answer.text}\n\n{below(answer)}".rstrip()


def below(answer: Answer) -> str:
    """What stands under an answer: its sources, then what a person should know of how it was made."""
    sources = [f"[{item.number}] {item.guide}: {item.heading}\n    {item.place}" for item in answer.citations]
    return "\n\n".join(filter(None, ["\n".join(sources), *answer.trace.get("notes", [])]))


def wrapped(text: str, width: int = 0) -> str:
    """Prose and list items at the terminal's width; code and tables as they are."""
    width = width or min(max(shutil.get_terminal_size().columns, 30), 100)
    lines = []
    for line, in_code in fenced(text.translate(UNPRINTED)):
        if in_code or line.startswith("|") or len(line) <= width or " " not in line.strip():
            lines.append(line)
        else:
            indent = " " * len(mark[0]) if (mark := MARK.match(line)) else ""
            lines += textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
