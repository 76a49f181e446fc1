"""`python -m ingest [PATH …]`: bring the index up to date with the guides."""

from rag.errors import PrepError, end_on_interrupt

if __name__ == "__main__":
    end_on_interrupt("\nInterrupted. Nothing is lost: the next `python -m ingest` goes on from here.")

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ingest.progress import progress_bar
from ingest.sync import Outcome, synchronise
from rag.settings import load_settings


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ingest", description="Bring the index up to date with the guides.")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="folders or files to read (default: PREP_CORPUS_DIR)")
    parser.add_argument("--dry-run", action="store_true", help="say what would change, change nothing")
    parser.add_argument("--json", action="store_true", help="print the outcome as one JSON object")
    parser.add_argument("--strict", action="store_true", help="exit 1 when any file was skipped")
    parser.add_argument("--prune-all", action="store_true", help="forget the guides of a folder that is now empty or missing")
    parser.add_argument("--rebuild", action="store_true", help="throw the index away and build it anew")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    console = Console(stderr=options.json, markup=False, emoji=False)  # a file may be called [draft].md
    try:
        with progress_bar(console) as progress:
            outcome = synchronise(
                load_settings(), options.paths, progress=progress,
                dry_run=options.dry_run, prune_all=options.prune_all, rebuild=options.rebuild,
            )  # fmt: skip
    except PrepError as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(as_json(outcome, options.dry_run)))
    else:
        show(console, outcome, options.dry_run)
    return 1 if options.strict and outcome.plan.skipped else 0


def as_json(outcome: Outcome, dry_run: bool) -> dict[str, Any]:
    todo, manifest = outcome.plan, outcome.manifest
    return {
        "dry_run": dry_run,
        "added": todo.added, "changed": todo.changed, "removed": todo.removed,
        "unchanged": len(todo.unchanged), "kept": todo.kept,
        "skipped": [{"path": item.doc_id, "reason": item.reason} for item in todo.skipped],
        "documents": manifest.documents if manifest else 0,
        "passages": manifest.passages if manifest else 0,
        "generation": manifest.generation if manifest else None,
        "seconds": round(outcome.seconds, 2),
    }  # fmt: skip


def show(console: Console, outcome: Outcome, dry_run: bool) -> None:
    todo, manifest = outcome.plan, outcome.manifest
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("added", "changed", "removed", "unchanged", "kept"):
        if (files := getattr(todo, name)) or name != "kept":
            table.add_row(name, str(len(files)), "" if name == "unchanged" else some(files))
    table.add_row("skipped", str(len(todo.skipped)))
    for item in todo.skipped:
        table.add_row("", "", f"{item.doc_id}: {item.reason}")
    console.print(table)
    if todo.kept:
        console.print("Kept guides whose folder is empty, missing or unreadable. To forget them: python -m ingest --prune-all")
    size = f"{manifest.documents} guides, {manifest.passages} passages" if manifest else "no index"
    console.print(f"{'Would change, nothing written' if dry_run else size} in {outcome.seconds:.1f} s", highlight=False)


def some(files: tuple[str, ...], most: int = 3) -> str:
    more = f" and {len(files) - most} more" if len(files) > most else ""
    return ", ".join(files[:most]) + more


if __name__ == "__main__":
    sys.exit(main())
