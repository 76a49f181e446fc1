"""`python -m evals.candidates`: answers that people judged, as golden rows still to be written by a person, disliked first."""

import json
from collections.abc import Sequence
from typing import Any

from evals import dataset
from evals.command import command
from evals.gaps import one_line, review_file
from rag import journal
from rag.settings import load_settings


def candidates(feedback: Sequence[dict[str, Any]], golden: Sequence[dataset.Question]) -> list[dict[str, Any]]:
    """One row a question. The last verdict on an answer counts; a disliked answer goes before newer ones."""
    known = {asked([*(turn.question for turn in question.history), question.text]) for question in golden}
    last = {(asked([*entry["history"], entry["question"]]), entry["answer"]): entry for entry in feedback}
    newest_first = sorted(last.items(), key=lambda item: str(item[1]["at"]), reverse=True)
    chosen: dict[tuple[str, ...], dict[str, Any]] = {}
    for (key, _), entry in sorted(newest_first, key=lambda item: item[1]["verdict"] != "down"):
        chosen.setdefault(key, entry)
    return [row(entry) for key, entry in chosen.items() if key not in known]


def asked(conversation: Sequence[str]) -> tuple[str, ...]:
    return tuple(one_line(question.casefold()) for question in conversation)


def row(entry: dict[str, Any]) -> dict[str, Any]:
    history = [{"question": question, "answer": ""} for question in entry["history"]]
    empty = {"id": "", "split": "", "area": "", "style": "", "question": entry["question"], "history": history}
    copied = {name: entry[name] for name in ("answer", "verdict", "reason", "citations", "at")}
    return {**empty, "reference": "", "facts": [], **copied}


def main() -> None:
    settings = load_settings()
    feedback = list(journal.entries(settings, "feedback"))
    rows = candidates(feedback, dataset.load())
    lines = "".join(json.dumps(item, ensure_ascii=False) + "\n" for item in rows)
    path = review_file(settings, "candidates.jsonl", lines) if rows else "nothing to review"
    print(f"{len(feedback)} verdicts, {len(rows)} questions that are not golden: {path}")


if __name__ == "__main__":
    command(main)
