"""`python -m ingest` as a person types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MODELS
from tests.ingest.conftest import Project

REPOSITORY = Path(__file__).parents[2]


def command(project: Project, *arguments: str, columns: int = 200) -> "subprocess.CompletedProcess[str]":
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PREP_")}
    environment |= {"PYTHONPATH": str(REPOSITORY), "PREP_MODELS_DIR": str(MODELS), "COLUMNS": str(columns)}
    return subprocess.run(
        [sys.executable, "-m", "ingest", *arguments], cwd=project.folder, env=environment, capture_output=True, text=True
    )


@pytest.fixture
def mixed(project: Project) -> Project:
    project.write("corpus/drift [draft].md", "# Drift\n\nThe data moves.\n")
    project.write("corpus/other.md", "# Other\n\nAnother matter.\n")
    project.write("corpus/empty.md", "")
    project.write("corpus/[red]film.mov", "x")
    return project


def test_the_closing_table_counts_the_files_and_names_each_skip_as_it_is_spelt(mixed: Project) -> None:
    done = command(mixed)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines() if line.strip()]
    assert lines[:-1] == [
        "added 2 corpus/drift [draft].md, corpus/other.md",
        "changed 0",
        "removed 0",
        "unchanged 0",
        "skipped 2",
        "corpus/[red]film.mov: not a format Prep RAG reads (.mov)",
        "corpus/empty.md: empty",
    ]
    assert lines[-1].startswith("2 guides, 2 passages in ")
    again = command(mixed).stdout.split()
    assert again[: again.index("skipped")] == ["added", "0", "changed", "0", "removed", "0", "unchanged", "2"]


def test_json_is_one_object_on_stdout_with_every_field(mixed: Project) -> None:
    done = command(mixed, "--json", "--strict")
    assert done.returncode == 1, "--strict and a skip"
    outcome = json.loads(done.stdout)
    assert (outcome.pop("seconds") >= 0, len(outcome.pop("generation"))) == (True, 12)
    assert outcome == {
        "dry_run": False,
        "added": ["corpus/drift [draft].md", "corpus/other.md"], "changed": [], "removed": [], "unchanged": 0, "kept": [],
        "skipped": [
            {"path": "corpus/[red]film.mov", "reason": "not a format Prep RAG reads (.mov)"},
            {"path": "corpus/empty.md", "reason": "empty"},
        ],
        "documents": 2, "passages": 2,
    }  # fmt: skip


def test_strict_without_a_skip_exits_0_and_a_dry_run_leaves_no_index(project: Project) -> None:
    project.write("corpus/a.md", "Subject a.\n")
    done = command(project, "--strict", "--dry-run", "corpus/a.md")
    assert done.returncode == 0
    assert "Would change, nothing written" in done.stdout
    assert not (project.settings.index_dir / "manifest.json").exists()


@pytest.mark.parametrize("arguments", [["nowhere"], []], ids=["named", "default"])
def test_a_missing_path_exits_1_with_the_command_to_type(project: Project, arguments: list[str]) -> None:
    done = command(project, *arguments)
    assert (done.returncode, done.stdout.strip()) == (1, "")
    missing = arguments[0] if arguments else "corpus"
    assert done.stderr == f"There is no file or folder '{missing}'. Name one that exists: python -m ingest PATH\n"


def test_an_emptied_folder_is_kept_and_the_way_to_forget_it_is_named(project: Project) -> None:
    path = project.write("corpus/a.md", "Subject a.\n")
    assert command(project).returncode == 0
    path.unlink()
    done = command(project)
    assert done.returncode == 0
    assert "kept" in done.stdout and "python -m ingest --prune-all" in done.stdout
    done = command(project, "--prune-all")
    assert (done.returncode, "no index" in done.stdout) == (0, True)


def test_a_usage_error_exits_2(project: Project) -> None:
    assert command(project, "--no-such-option").returncode == 2
