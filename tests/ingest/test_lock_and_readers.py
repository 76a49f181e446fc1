"""One writer at a time, and readers that never notice more than a new generation."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ingest.lock import writer_lock
from rag.errors import IndexBusy
from rag.types import Filters
from tests.ingest.conftest import Project, assert_sound, texts
from tests.ingest.test_crash import REPOSITORY, crasher

HOLD = """
import sys
from pathlib import Path
from ingest.lock import writer_lock
with writer_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_is_told_who_is_at_work_and_a_killed_holder_is_in_nobodys_way(project: Project) -> None:
    project.write("corpus/a.md", "Subject a.\n")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(project.settings.index_dir)],
        cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as holder:  # fmt: skip
        assert holder.stdout and holder.stdout.readline() == "held\n"
        with pytest.raises(IndexBusy, match=rf"process {holder.pid}, since \d\d:\d\d:\d\d.*type the command again"):
            project.sync()
        holder.kill()
    project.sync()
    assert_sound(project)


def fail_while_writing(folder: Path) -> None:
    with writer_lock(folder):
        with pytest.raises(IndexBusy), writer_lock(folder):
            pass
        raise KeyError


def test_the_lock_holds_inside_one_process_and_is_free_again_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        fail_while_writing(tmp_path)
    with writer_lock(tmp_path):
        assert (tmp_path / "writer.json").exists()
    assert not (tmp_path / "writer.json").exists()


@pytest.mark.parametrize("where", ["same process", "another process"])
def test_an_open_reader_goes_on_and_a_new_one_sees_the_new_generation(project: Project, where: str) -> None:
    for place in range(30):
        project.write(f"corpus/{place:02}.md", f"Subject number{place}.\n")
    project.sync()
    reader = project.open()
    old = texts(reader)
    vectors = np.array(reader.arrays.vectors)
    for place in range(0, 30, 2):
        (project.folder / f"corpus/{place:02}.md").unlink()
    project.write("corpus/new.md", "Subject brandnew.\n")
    if where == "same process":
        project.sync()
    else:
        with crasher(project.folder) as writer:
            assert writer.ingest(10**9).startswith("finished")
    for row, vector in enumerate(vectors):
        rows, _ = reader.dense(vector, 5, Filters())
        assert row % 2 == 0 or rows[0] == row, "what both generations hold must still be found"
    assert texts(reader) == old
    fresh = project.open()
    expected = {f"Subject number{place}." for place in range(1, 30, 2)} | {"Subject brandnew."}
    assert set(texts(fresh)) == expected
    (added,) = project.encoder.encode(["New\nSubject brandnew."])
    rows, _ = fresh.dense(added.vector, 1, Filters())
    assert fresh.passages([int(rows[0])])[0].text == "Subject brandnew."
    assert_sound(project)
    assert texts(reader) == old, "opening the new generation must not shut the old one"
    reader.dense(vectors[1], 5, Filters())


def test_a_reader_between_two_commits_never_meets_a_half_one(project: Project) -> None:
    """Steps all along a commit by another process, with a reader opening the index after each."""
    project.write("corpus/a.md", "Subject a.\n")
    project.sync()
    project.write("corpus/b.md", "Subject b.\n")
    reader = project.open()
    with crasher(project.folder) as writer:
        for step in range(1, 200, 3):
            ended = writer.ingest(step) != "killed"
            assert set(texts(project.open())) in ({"Subject a."}, {"Subject a.", "Subject b."})
            rows, _ = reader.dense(reader.arrays.vectors[0], 5, Filters())
            assert rows.tolist() == [0]
            if ended:
                break
    assert set(texts(assert_sound(project))) == {"Subject a.", "Subject b."}
