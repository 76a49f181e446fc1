"""A Chroma server instead of the folder: the same ingest, the same answers, and no project in another's way."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.sync import Outcome
from rag.errors import IndexDamaged
from rag.index import Index
from rag.types import Filters
from tests.conftest import make_settings
from tests.ingest.conftest import Project, assert_sound, contents, texts

GUIDES = {f"corpus/{area}/{n}.md": f"---\narea: {area}\n---\nSubject {area} number{n}.\n" for area in "ab" for n in range(12)}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Chroma of our own."""
    port = free_port()
    command = [str(Path(sys.executable).parent / "chroma"), "run", "--path", str(tmp_path_factory.mktemp("server"))]
    environment = {**os.environ, "ANONYMIZED_TELEMETRY": "False"}
    with subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        deadline = time.monotonic() + 30
        while not answers(port):
            assert process.poll() is None and time.monotonic() < deadline, "chroma run did not start"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
        process.kill()


def ingest(project: Project, guides: dict[str, str]) -> Outcome:
    for name, text in guides.items():
        project.write(name, text)
    return project.sync()


def rankings(index: Index) -> list[list[int]]:
    everything = [Filters(), Filters(areas=("a",)), Filters(areas=("a", "b"))]
    return [index.dense(vector, 5, filters)[0].tolist() for vector in index.arrays.vectors for filters in everything]


def test_a_server_gives_the_same_index_and_the_same_searches_as_the_folder(project: Project, server: str) -> None:
    ingest(project, GUIDES)
    remote = project.with_settings(chroma_url=server, data_dir=project.folder / "remote")
    remote.sync()
    assert contents(assert_sound(remote)) == contents(project.open())
    assert rankings(remote.open()) == rankings(project.open())
    assert not (remote.settings.index_dir / "chroma").exists()

    remote.write("corpus/a/0.md", "Subject edited.\n")
    (remote.folder / "corpus/b/1.md").unlink()
    remote.sync()
    assert len(remote.encoder.seen) == 1
    assert_sound(remote)
    assert remote.sync().plan.is_empty and remote.encoder.seen == []


def test_two_projects_on_one_server_do_not_touch_each_other(project: Project, server: str) -> None:
    one = project.with_settings(chroma_url=server, data_dir=project.folder / "one")
    two = Project(make_settings(project.folder, chroma_url=server, data_dir=project.folder / "two"), project.folder)
    ingest(one, GUIDES)
    two.sync("corpus/a")
    before = texts(two.open())
    one.sync(rebuild=True)
    one.with_settings(chunk_tokens=64).sync()
    (project.folder / "corpus/a/0.md").unlink()
    one.sync()
    assert texts(assert_sound(two)) == before
    assert len(texts(assert_sound(one))) == 23


def test_what_a_rebuild_a_changed_setting_or_a_pruned_folder_replaces_is_deleted_on_the_server(
    project: Project, server: str
) -> None:
    import chromadb

    def collections() -> set[str]:
        client = chromadb.HttpClient(host="127.0.0.1", port=int(server.rsplit(":", 1)[1]))
        return {collection.name for collection in client.list_collections()}

    before = collections()
    remote = project.with_settings(chroma_url=server)
    ingest(remote, {"corpus/a.md": "Subject a.\n"})
    remote.sync(rebuild=True)
    remote = remote.with_settings(chunk_tokens=64)
    manifest = remote.sync().manifest
    assert manifest and collections() - before == {manifest.collection}
    (remote.folder / "corpus/a.md").unlink()
    remote.sync(prune_all=True)
    assert collections() == before


def test_no_server_at_the_address_says_what_to_start_or_unset(project: Project) -> None:
    project.write("corpus/a.md", "Subject a.\n")
    remote = project.with_settings(chroma_url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(IndexDamaged, match=r"No Chroma server answers at .*chroma run --path.*unset PREP_CHROMA_URL"):
        remote.sync()


def test_a_server_that_goes_away_is_an_error_that_names_it(project: Project) -> None:
    """The reader was open before; its next search must not end in a traceback."""
    port = free_port()
    chroma = Path(sys.executable).parent / "chroma"
    with subprocess.Popen(
        [str(chroma), "run", "--path", str(project.folder / "server"), "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 30
        while not answers(port) and time.monotonic() < deadline:
            time.sleep(0.1)
        remote = project.with_settings(chroma_url=f"http://127.0.0.1:{port}")
        ingest(remote, {"corpus/a.md": "Subject a.\n"})
        reader = remote.open()
        process.kill()
    with pytest.raises(IndexDamaged, match=rf"The Chroma server at http://127.0.0.1:{port} failed"):
        reader.dense(reader.arrays.vectors[0], 1, Filters())


def test_a_project_that_turns_from_server_to_folder_and_back_is_told_and_does_not_embed_again(
    project: Project, server: str
) -> None:
    remote = project.with_settings(chroma_url=server)
    ingest(remote, {"corpus/a.md": "Subject a.\n"})
    with pytest.raises(IndexDamaged, match=r"Chroma holds 0 of 1 passages. Put them back: python -m ingest"):
        project.open()
    project.sync()
    assert project.encoder.seen == []
    assert_sound(project)
