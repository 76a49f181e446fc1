"""`python -m evals.run`: ask every golden question, measure every answer, and say whether the gates hold.

A run interrupted goes on where it stopped. Exit codes: 0 gates hold, 1 a gate is missed or the rows changed, 2 wrong usage.
evals/baseline.json, which the app shows where nothing was measured, is the summary.json of a run over the test split.
"""

from rag.errors import PrepError, end_on_interrupt

if __name__ == "__main__":
    end_on_interrupt("\nInterrupted. What is measured is kept: type the same command again to go on from here.")

import argparse
import asyncio
import datetime
import json
import time
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from evals import dataset, report
from evals.command import command
from evals.dataset import Evidence, Question
from evals.folder import folder_for, read_config, read_rows, writing
from evals.judge import Judge, load_judge
from evals.metrics import bootstrap_interval
from evals.score import measure
from rag.assistant import Assistant
from rag.settings import load_settings
from rag.types import LENGTHS, Answer

GATES = Path(__file__).parent / "gates.toml"


@dataclass(frozen=True)
class Config:
    """What a run's figures depend on besides the code."""

    split: str
    limit: int | None
    length: str
    judge: str
    model: str
    generation: str
    questions: str  # digest of the rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m evals.run", description=__doc__)
    parser.add_argument("--split", choices=[*dataset.SPLITS, "all"], default="dev")
    parser.add_argument("--limit", type=int, help="a fixed subset of this many questions, balanced over areas and kinds")
    parser.add_argument("--judge", choices=["local", "llm"], default="local", help="who decides what supports what")
    parser.add_argument(
        "--judge-llm", default="", metavar="PROVIDER:MODEL", help="the chat model that judges; default: the one that answers"
    )
    parser.add_argument("--llm", default="", metavar="PROVIDER:MODEL", help="answer with this chat model instead of the composer")
    parser.add_argument("--length", choices=LENGTHS, default="standard")
    parser.add_argument("--out", type=Path, help="folder of the run; default: a new one under the data folder")
    parser.add_argument("--no-gates", action="store_true", help="measure only: exit 0 whatever the figures are")
    options = parser.parse_args()
    started, console = time.time(), Console(width=140)
    questions = dataset.sample(dataset.load(None if options.split == "all" else options.split), options.limit)
    settings = load_settings()
    if options.llm:
        settings = settings.model_copy(update={"llm": options.llm})
    assistant = Assistant(settings)
    judge = load_judge(options.judge, assistant, options.judge_llm)
    config = Config(
        options.split, options.limit, options.length, judge.name, settings.llm or "composer",
        assistant.index.manifest.generation, dataset.digest(questions),
    )  # fmt: skip
    out = options.out or folder_for(settings.data_dir / "evals", asdict(config))
    with writing(out):
        rows = run(assistant, judge, questions, config, out, console)
        lost = Evidence(assistant.index.catalogue, settings.corpus_dir).lost(questions)
        summary = summarise(rows, config, len(lost))
        summary["worst"] = [report.in_short(row) for row in report.worst(rows) if report.fault(row)[0] < 1]
        (out / "report.html").write_text(report.page(summary, rows), encoding="utf-8")
        (out / "summary.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")
    show(summary, console)
    console.print(f"{time.time() - started:.0f} s; {out}/report.html", highlight=False)
    missed = [] if options.no_gates else gates(summary)
    for line in missed:
        console.print(f"[red]gate missed:[/red] {line}", highlight=False)
    return 1 if missed else 0


def run(
    assistant: Assistant, judge: Judge, questions: Sequence[Question], config: Config, out: Path, console: Console
) -> list[dict[str, Any]]:
    """Measure what is not yet measured; each row is kept as soon as it is done."""
    if read_config(out) not in ({}, asdict(config)):
        raise PrepError(f"{out} holds a run of another configuration. Name another folder: --out")
    (out / "config.json").write_text(json.dumps(asdict(config), indent=1))
    path = out / "rows.jsonl"
    done = {row["id"]: row for row in read_rows(path) if row["status"] == "scored"}
    evidence = Evidence(assistant.index.catalogue, assistant.settings.corpus_dir)
    todo = [question for question in questions if question.id not in done]
    with path.open("a", encoding="utf-8") as file:
        if file.tell() and not path.read_bytes().endswith(b"\n"):
            file.write("\n")  # the run was killed while it wrote a row: the next one must not be joined to it
        for question in track(todo, f"Asking ({judge.name} judge)", console=console, transient=True):
            row = one_row(assistant, judge, question, evidence, config.length)
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            file.flush()
            done[question.id] = row
    return [done[question.id] for question in questions]


def one_row(assistant: Assistant, judge: Judge, question: Question, evidence: Evidence, length: Any) -> dict[str, Any]:
    """One question's row; a failure is a row too."""
    row: dict[str, Any] = {
        "id": question.id, "split": question.split, "group": question.group, "style": question.style, "question": question.text,
        "history": [turn.question for turn in question.history], "answerable": question.answerable,
        "reference": question.reference,
    }  # fmt: skip
    try:
        answer = assistant.ask(question.text, question.history, length=length)
        measured = asyncio.run(measure(question, answer, evidence, judge))
        return row | {"status": "scored"} | measured | described(answer)
    except Exception as error:  # one bad row must not cost the others; it is counted and shown
        return row | {"status": "failed", "error": f"{type(error).__name__}: {error}", "metrics": {}}


def described(answer: Answer) -> dict[str, Any]:
    return {
        "answer": answer.text,
        "citations": [f"[{item.number}] {item.guide}: {item.heading} ({item.place})" for item in answer.citations],
        "passages": [
            {"place": item.source.place, "heading": item.source.heading_path[-1], "score": item.score, "text": item.text}
            for item in answer.passages
        ],
        "trace": {key: answer.trace[key] for key in ("understood", "evidence", "milliseconds") if key in answer.trace},
    }  # fmt: skip


def summarise(rows: Sequence[dict[str, Any]], config: Config, lost: int) -> dict[str, Any]:
    failed = [row["id"] for row in rows if row["status"] != "scored"]
    return {
        "date": datetime.date.today().isoformat(), "config": asdict(config), "rows": len(rows), "failed": failed,
        "lost_quotes": lost, "metrics": figures(rows),
        "by_style": figures_by("style", rows), "by_group": figures_by("group", rows),
    }  # fmt: skip


def figures_by(key: str, rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: figures([row for row in rows if row[key] == name]) for name in dict.fromkeys(row[key] for row in rows)}


def figures(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """For every measure its mean, interval, and how many rows it was and was not taken on."""
    found: dict[str, dict[str, Any]] = {}
    for name in sorted({name for row in rows for name in row["metrics"]}):
        applicable = [row["metrics"][name] for row in rows if name in row["metrics"]]
        values = [value for value in applicable if value is not None]
        if not values:
            continue
        low, high = bootstrap_interval(values)
        found[name] = {
            "mean": sum(values) / len(values), "low": low, "high": high,
            "scored": len(values), "unscored": len(applicable) - len(values),
        }  # fmt: skip
        if name == "milliseconds":
            found[name] |= {f"p{share}": sorted(values)[len(values) * share // 100] for share in (50, 95)}
    if "cost" in found and (good := found.get("good", {}).get("mean")):
        counts = {key: found["cost"][key] for key in ("scored", "unscored")}
        found["cost_per_good_answer"] = {"mean": found["cost"]["mean"] / good, **counts}
    return found


def show(summary: dict[str, Any], console: Console) -> None:
    console.print(report.headline(summary))
    table = Table(*report.COLUMNS, box=None)
    for name, figure in summary["metrics"].items():
        table.add_row(name, *report.cells(figure))
    console.print(table)
    for key in ("by_style", "by_group"):
        table = Table(key.removeprefix("by_"), "rows", *report.SHOWN, box=None)
        for name, found in summary[key].items():
            cells = [f"{found[metric]['mean']:.2f}" if metric in found else "" for metric in report.SHOWN]
            table.add_row(name, str(found["milliseconds"]["scored"] if "milliseconds" in found else 0), *cells)
        console.print(table)


def gates(summary: dict[str, Any], path: Path = GATES) -> list[str]:
    """What keeps this run from passing. The gates of a split are those named after it, a subset's after its size too."""
    config = summary["config"]
    name = config["split"] if config["limit"] is None else f"{config['split']}-{config['limit']}"
    expected = tomllib.loads(path.read_text()).get(name)
    if expected is None:
        return [f"evals/gates.toml has no gates named {name!r}; run with --no-gates to measure only"]
    missed = [f"{len(summary['failed'])} rows failed: {', '.join(summary['failed'][:5])}"] if summary["failed"] else []
    if summary["lost_quotes"]:
        missed.append(f"{summary['lost_quotes']} quotes of the golden set are no longer in the guides")
    if config["questions"] != expected["questions"]:
        missed.append(f"the row set changed: {config['questions']}, not {expected['questions']}")
    for metric, bound in expected["least"].items():
        if (mean := summary["metrics"].get(metric, {}).get("mean")) is None or mean < bound:
            missed.append(f"{metric} is {mean if mean is None else round(mean, 4)}, at least {bound} is asked for")
    for metric, bound in expected["most"].items():
        if (mean := summary["metrics"].get(metric, {}).get("mean")) is None or mean > bound:
            missed.append(f"{metric} is {mean if mean is None else round(mean, 4)}, at most {bound} is allowed")
    return missed


if __name__ == "__main__":
    command(main)
