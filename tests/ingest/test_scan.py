"""Which files are guides: links, hidden files, things that are no files, names from other systems."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingest.scan import scan
from tests.ingest.conftest import Project, texts

NOBODY = 65534


def look(root: str = "corpus") -> tuple[list[str], dict[str, str]]:
    found, skipped = scan(Path(root))
    return [item.doc_id for item in found], {item.doc_id: item.reason for item in skipped}


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything; anybody else will do to meet a permission."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_files_come_sorted_with_the_path_a_person_would_type(project: Project) -> None:
    for name in ("corpus/b.md", "corpus/a/z.txt", "corpus/B.md"):
        project.write(name, "x")
    assert look() == (["corpus/B.md", "corpus/a/z.txt", "corpus/b.md"], {})
    assert look("./corpus/../corpus/a/")[0] == ["corpus/a/z.txt"]
    assert look(str(project.folder / "corpus" / "a"))[0] == ["corpus/a/z.txt"]


def test_hidden_files_and_readmes_are_no_guides_and_no_skips(project: Project) -> None:
    for name in ("a.md", ".hidden.md", ".git/x.md", "README.md", "sub/readme.txt"):
        project.write(f"corpus/{name}", "x")
    assert look() == (["corpus/a.md"], {})


def test_asks_go_with_the_document_beside_them_and_are_none_themselves(project: Project) -> None:
    for name in ("a.md", "a.asks", "b.asks"):
        project.write(f"corpus/{name}", "x")
    assert look() == (["corpus/a.md"], {"corpus/b.asks": "no document of that name stands beside it"})


def test_one_file_may_be_the_root(project: Project) -> None:
    project.write("notes/README.md", "x")
    assert look("notes/README.md") == (["notes/README.md"], {})


def test_an_unknown_format_is_named(project: Project) -> None:
    project.write("corpus/a.exe", "x")
    project.write("corpus/Makefile", "x")
    assert look() == (
        [],
        {
            "corpus/a.exe": "not a format Prep RAG reads (.exe)",
            "corpus/Makefile": "not a format Prep RAG reads (no suffix)",
        },
    )


def test_links_are_followed_inside_the_folder_only(project: Project) -> None:
    inside = project.write("corpus/a.md", "x")
    outside = project.write("secret.md", "x")
    corpus = project.folder / "corpus"
    (corpus / "inside.md").symlink_to(inside)
    (corpus / "outside.md").symlink_to(outside)
    (corpus / "nowhere.md").symlink_to("missing.md")
    (corpus / "self.md").symlink_to("self.md")
    (corpus / "one.md").symlink_to("two.md")
    (corpus / "two.md").symlink_to("one.md")
    (corpus / "up").symlink_to("..")
    found, skipped = look()
    assert found == ["corpus/a.md", "corpus/inside.md"]
    lost = "a link that leads nowhere, or in a circle"
    assert skipped == {
        "corpus/outside.md": "a link that leads outside the folder",
        "corpus/nowhere.md": lost, "corpus/self.md": lost, "corpus/one.md": lost, "corpus/two.md": lost,
        "corpus/up": "a link to a folder is not followed",
    }  # fmt: skip


def test_a_pipe_with_a_guides_name_does_not_hang_the_ingest(project: Project) -> None:
    project.write("corpus/a.md", "x")
    os.mkfifo(project.folder / "corpus" / "pipe.md")
    assert look() == (["corpus/a.md"], {"corpus/pipe.md": "not a regular file"})


def test_a_name_that_is_not_utf_8_is_indexed_under_a_name_that_can_be_stored(project: Project) -> None:
    project.write("corpus/a.md", "First guide.")
    for byte, text in ((b"\xe9", b"Second guide."), (b"\xe8", b"Third guide.")):
        Path(os.fsdecode(os.fsencode(project.folder / "corpus") + b"/caf" + byte + b".md")).write_bytes(text)
    project.sync()
    assert texts(project.open()) == {
        "First guide.": {"corpus/a.md"},
        "Second guide.": {"corpus/caf\\xe9.md"},
        "Third guide.": {"corpus/caf\\xe8.md"},
    }


@pytest.mark.parametrize("shut", ["corpus/shut", "corpus/shut/b.md"], ids=["folder", "file"])
def test_what_cannot_be_read_for_now_keeps_its_guides_and_only_those(project: Project, shut: str) -> None:
    from ingest.sync import known_state, plan

    for name in ("a.md", "shut/b.md", "shutter.md", "shut/b.md.md"):
        project.write(f"corpus/{name}", f"Guide {name}.")
    project.sync()
    known = known_state(project.settings, project.encoder, rebuild=False)
    (project.folder / "corpus/shutter.md").unlink()
    project.folder.chmod(0o755)
    (project.folder / shut).chmod(0)
    with as_nobody():
        todo = plan([Path("corpus")], known)
    (project.folder / shut).chmod(0o755)
    assert [(item.doc_id, "unreadable" in item.reason) for item in todo.skipped] == [(shut, True)]
    assert todo.kept == (("corpus/shut/b.md", "corpus/shut/b.md.md") if shut == "corpus/shut" else ("corpus/shut/b.md",))
    assert todo.removed == ("corpus/shutter.md",)
