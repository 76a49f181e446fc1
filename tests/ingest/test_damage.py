"""An index that lost a part says so when it is opened, and the command it names repairs it."""

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from rag.errors import IndexDamaged, IndexMissing, PrepError
from rag.index import Manifest
from tests.ingest.conftest import Project, assert_sound


def folder(project: Project) -> Path:
    manifest = Manifest.read(project.settings)
    assert manifest
    return manifest.folder(project.settings)


def truncate(*paths: Path) -> None:
    for path in paths:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def foreign(path: Path) -> None:
    path.write_text('{"name": "app"}')


def repair(project: Project, error: PrepError) -> None:
    """Type the command that the message ends with."""
    command = re.search(r"python -m ingest( --rebuild)?$", str(error))
    assert command, str(error)
    project.sync(rebuild=command.group(1) is not None)


DAMAGES: dict[str, Callable[[Project], None]] = {
    "no Chroma folder": lambda project: shutil.rmtree(project.settings.index_dir / "chroma"),
    "no catalogue": lambda project: (folder(project) / "catalogue.sqlite").unlink(),
    "half a catalogue": lambda project: truncate(folder(project) / "catalogue.sqlite"),
    "empty catalogue": lambda project: empty(folder(project) / "catalogue.sqlite"),
    "no generation": lambda project: shutil.rmtree(folder(project)),
    "no vectors": lambda project: (folder(project) / "vectors.npy").unlink(),
    "half the vectors": lambda project: truncate(folder(project) / "vectors.npy"),
    "empty vectors": lambda project: empty(folder(project) / "vectors.npy"),
    "half the tokens": lambda project: truncate(folder(project) / "tokens.npy"),
    "no lexical index": lambda project: shutil.rmtree(folder(project) / "lexical"),
    "half the lexical index": lambda project: truncate(*(folder(project) / "lexical").iterdir()),
    "manifest of something else": lambda project: foreign(Manifest.path(project.settings)),
    "manifest cut short": lambda project: truncate(Manifest.path(project.settings)),
    "half of Chroma's database": lambda project: truncate(*project.settings.index_dir.glob("chroma/*/chroma.sqlite3")),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damage_is_noticed_at_opening_and_the_named_command_repairs_it(
    project: Project, damage: Callable[[Project], None]
) -> None:
    for name in "abcdef":
        project.write(f"corpus/{name}.md", f"Subject {name}.\n")
    project.sync()
    damage(project)
    with pytest.raises(IndexDamaged) as caught:
        project.open()
    repair(project, caught.value)
    assert_sound(project)


@pytest.mark.parametrize("damage", ["half a catalogue", "half the vectors", "manifest cut short", "half of Chroma's database"])
def test_a_plain_ingest_over_a_damaged_index_ends_in_a_command_not_a_traceback(project: Project, damage: str) -> None:
    project.write("corpus/a.md", "Subject a.\n")
    project.write("corpus/b.md", "Subject b.\n")
    project.sync()
    DAMAGES[damage](project)
    project.write("corpus/b.md", "Subject c.\n")
    with pytest.raises(IndexDamaged) as caught:
        project.sync()
    repair(project, caught.value)
    assert_sound(project)


@pytest.mark.parametrize("change", ["add column language text default 'en'", "rename column title to name"])
def test_an_index_of_a_newer_version_is_told_and_the_named_commands_build_it_for_this_one(project: Project, change: str) -> None:
    project.write("corpus/a.md", "---\nroles: [mle]\n---\nSubject a.\n")
    project.sync()
    manifest = Manifest.path(project.settings)
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "fingerprint": "newer", "languages": ["en"]}))
    with closing(sqlite3.connect(folder(project) / "catalogue.sqlite")) as catalogue:
        catalogue.execute(f"alter table documents {change}")
    with pytest.raises(IndexMissing, match="version") as caught:
        project.open()
    try:
        repair(project, caught.value)
    except IndexDamaged as error:
        repair(project, error)
    assert_sound(project)


def test_a_lost_vector_graph_is_noticed_even_when_the_first_middle_and_last_passage_are_newer(project: Project) -> None:
    """Chroma still counts its rows then, and finds those written since it last saved the graph."""
    names = [f"corpus/{place:04}.md" for place in range(1100)]
    for name in names:
        project.write(name, f"# {name}\n\nSubject {name}.\n")
    project.sync()
    for name in (names[0], names[550], names[-1]):
        project.write(name, f"# {name}\n\nNew subject {name}.\n")
    project.sync()
    graphs = [path for path in project.settings.index_dir.glob("chroma/*/*") if path.is_dir()]
    assert graphs
    for graph in graphs:
        shutil.rmtree(graph)
    with pytest.raises(IndexDamaged) as caught:
        project.open()
    repair(project, caught.value)
    assert project.open().manifest.passages == 1100
