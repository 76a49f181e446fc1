"""`python -m rag "question"`: a cited answer in the terminal."""

import argparse
import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rag.assistant import Assistant
from rag.errors import PrepError
from rag.settings import load_settings
from rag.types import LENGTHS, Answer, Citation, Filters, Length, Turn

EXIT_CODES = {"answered": 0, "not_in_corpus": 3}
RULE = "─" * 30


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
        if unknown := unknown_filter(assistant, filters):
            print(unknown, file=sys.stderr)
            return 2
        if options.batch:
            return answer_batch(assistant, filters, options.length, *options.batch)
        if assistant.settings.llm and sys.stdout.isatty() and not options.json:
            return EXIT_CODES[show(assistant.stream(options.question, filters=filters, length=options.length)).status]
        answer = assistant.ask(options.question, filters=filters, length=options.length)
    except PrepError as error:
        print(error, file=sys.stderr)
        return 1
    try:
        print(json.dumps(as_json(answer), ensure_ascii=False) if options.json else as_text(answer), flush=True)
    except BrokenPipeError:  # `python -m rag "…" | head` has read enough; Python's own flush at exit must not complain either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_CODES[answer.status]


def unknown_filter(assistant: Assistant, filters: Filters) -> str | None:
    """What to say of a filter that no guide has."""
    for name, values in filters.groups():
        known = assistant.index.catalogue.labels(name)
        for value in values:
            if value not in known:
                return f"No guide has the {name} {value!r}. There are: {', '.join(known)}"
    return None


def show(pieces: Iterable[str | Answer]) -> Answer:
    """The answer as it comes; once more as a whole when a check has changed what was shown."""
    shown = ""
    for piece in pieces:
        if isinstance(piece, Answer):
            break
        print(piece, end="", flush=True)
        shown += piece
    assert isinstance(piece, Answer)
    changed = shown.strip() != piece.text.strip()
    print(
        f"\n\n{RULE}\nChecked against the guides:\n\n{as_text(piece)}" if changed else f"\n\n{below(piece)}".rstrip(), flush=True
    )
    return piece


def answer_batch(assistant: Assistant, filters: Filters, length: Length, source: Path, target: Path) -> int:
    """One line out for every line in, failures included; written as it goes."""
    try:
        lines = [line for line in source.read_text(encoding="utf-8-sig").split("\n") if line.strip()]
    except (OSError, UnicodeError) as error:
        print(f"{source} cannot be read ({error}). Name a file of questions, one JSON object a line.", file=sys.stderr)
        return 2
    if target.exists() and target.samefile(source):
        print("The answers would overwrite the questions. Name another output file.", file=sys.stderr)
        return 2
    try:
        out = target.open("w", encoding="utf-8")
    except OSError as error:
        print(f"{target} cannot be written ({error}). Name a file in a folder that exists.", file=sys.stderr)
        return 2
    failures = 0
    with out:
        for number, line in enumerate(lines, start=1):
            result = answer_line(assistant, filters, length, line, number)
            failures += result["status"] == "error"
            out.write(json.dumps(result, ensure_ascii=False) + "\n")
            out.flush()
            if sys.stderr.isatty():
                print(f"\r{number}/{len(lines)}", end="", file=sys.stderr)
    print(f"{len(lines)} questions, {failures} failed: {target}", file=sys.stderr)
    return 1 if failures else 0


def answer_line(assistant: Assistant, filters: Filters, length: Length, line: str, number: int) -> dict[str, Any]:
    name: Any = number
    try:
        item = json.loads(line)
        name = item.get("id", number)
        answer = assistant.ask(item["question"], tuple(turns(item.get("history") or [])), filters, length)
        return {"id": name, **as_json(answer)}
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
    return {
        "question": answer.question,
        "status": answer.status,
        "text": answer.text,
        "citations": [
            {
                "number": citation.number, "guide": citation.guide, "heading": citation.heading, "path": citation.doc_id,
                "start": citation.start, "end": citation.end, "quote": citation.quote,
            }
            for citation in answer.citations
        ],
        "passages": [
            {
                "id": passage.id, "text": passage.text, "path": passage.source.doc_id,
                "heading": passage.source.heading_path[-1], "score": passage.score,
            }
            for passage in answer.passages
        ],
        "trace": answer.trace,
    }  # fmt: skip


def as_text(answer: Answer) -> str:
    return f"{wrapped(answer.text, columns())}\n\n{below(answer)}".rstrip()


def below(answer: Answer) -> str:
    """What stands under an answer: its sources, then what a person should know of how it was made."""
    sources = "\n".join(source_line(citation, columns()) for citation in answer.citations)
    notes = [wrapped(note, columns()) for note in answer.trace.get("notes", [])]
    return "\n\n".join(filter(None, [sources, *notes]))


def columns() -> int:
    return min(max(shutil.get_terminal_size().columns, 30), 100)


def wrapped(text: str, width: int) -> str:
    """Prose and list items at the terminal's width; code and tables as they are."""
    lines, in_code = [], False
    for line in text.split("\n"):
        if re.match(r"\s*```", line):
            in_code = not in_code
        if in_code or line.startswith(("|", "```")) or len(line) <= width:
            lines.append(line)
            continue
        marker = re.match(r"\s*(?:[-*+]|\d+[.)])\s+", line)
        indent = " " * len(marker.group()) if marker else ""
        lines.extend(textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False))
    return "\n".join(lines)


def source_line(citation: Citation, width: int) -> str:
    label = f"[{citation.number}] "
    body = textwrap.wrap(f"{citation.guide}: {citation.heading}", width - len(label))
    return label + f"\n{' ' * len(label)}".join([*body, citation.place])


if __name__ == "__main__":
    sys.exit(main())
