"""kill -9 at any step leaves the index as it was or as it should become, and the next run ends as if nothing had happened."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ingest.sync import EMBED_BATCH
from rag.embed import OnnxEncoder
from rag.errors import IndexMissing
from rag.index import Index, fingerprint
from rag.settings import Settings
from tests.conftest import MODELS
from tests.ingest.conftest import Project, assert_sound, contents, texts

REPOSITORY = Path(__file__).parents[2]


def sections(names: range, word: str) -> str:
    return "# Guide\n\n" + "\n\n".join(f"## Part {name}\n\nText {word} number{name}." for name in names)


class Crasher:
    """The process that runs ingests and kills them."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ingest(self, last_step: int) -> str:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{last_step}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@contextmanager
def crasher(folder: Path) -> Iterator[Crasher]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.ingest.crash", str(folder)],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        yield Crasher(process)
        assert process.stdin
        process.stdin.close()


def restore(saved: Path, index: Path) -> None:
    shutil.rmtree(index, ignore_errors=True)
    if saved.exists():
        shutil.copytree(saved, index)


@pytest.mark.parametrize("first", [True, False], ids=["first ingest", "edit of an index"])
def test_a_kill_at_any_step_leaves_the_old_state_or_the_new_and_the_next_run_completes(project: Project, first: bool) -> None:
    index, saved = project.settings.index_dir, project.folder / "saved"
    before: list[object] | None = None
    if not first:
        project.write("corpus/edited.md", sections(range(6), "old"))
        project.write("corpus/deleted.md", sections(range(100, 104), "old"))
        project.sync()
        before = contents(project.open())
        shutil.copytree(index, saved)
        (project.folder / "corpus/deleted.md").unlink()
    project.write("corpus/edited.md", sections(range(3, 9), "old"))
    project.write("corpus/added.md", sections(range(EMBED_BATCH + 2), "new"))
    after = contents(project.from_scratch().open())
    states = set()
    with crasher(project.folder) as process:
        total = int(process.ingest(10**9).split()[1])
        assert total >= 30
        for step in range(1 + first, total + 1, 3):
            restore(saved, index)
            assert process.ingest(step) == "killed"
            try:
                found = contents(project.open())
            except IndexMissing:
                found = None
            assert found in (before, after), f"step {step} of {total}"
            states.add(found is not None and found == after)
            project.sync()
            assert contents(assert_sound(project)) == after, f"step {step} of {total}"
    assert states == {False, True}, "kills before the commit and kills after it"


def test_the_real_command_killed_again_and_again_is_finished_by_the_next(settings: Settings, encoder: OnnxEncoder) -> None:
    folder = settings.data_dir.parent
    project = Project(settings, folder)
    for place in range(40):
        project.write(f"corpus/{place}.md", f"# Guide {place}\n\n" + f"Sentence {place} about models. " * 20)
    command = [sys.executable, "-m", "ingest"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PREP_MODELS_DIR": str(MODELS)}
    started = time.monotonic()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    whole = time.monotonic() - started
    mark = fingerprint(settings, encoder.name)
    expected = texts(Index.open(settings, mark))
    shutil.rmtree(settings.index_dir)
    for share in (0.5, 0.7, 0.9):
        with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL) as process:
            time.sleep(whole * share)
            process.kill()
        with suppress(IndexMissing):
            assert len(Index.open(settings, mark).ids) == len(expected)
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    assert texts(Index.open(settings, mark)) == expected
