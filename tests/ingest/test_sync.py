"""What one ingest after another makes of the files: nothing embedded twice, nothing left behind, nothing lost."""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.sync import EMBED_BATCH, examples
from rag.embed import Encoding
from rag.errors import IndexMissing, PrepError
from rag.evidence import beyond
from rag.index import Index
from rag.settings import Settings
from rag.types import Filters
from rag.vectors import VectorStore
from tests.fakes import CountingEncoder
from tests.ingest.conftest import Project, assert_sound, contents, texts

ASKED = "# Drift\n\n## What it is\n\nThe data moves away.\n\n## How to see it?\n\nCompare two windows.\n"
ASKS = "## How to see it?\n- how would I notice\n- is it there, and since when?\n"
TWO_SECTIONS = "# Drift\n\n## What it is\n\nThe data moves away.\n\n## How to see it\n\nCompare two windows.\n"


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file but the lock, and Chroma's database, in which it notes that it was opened."""
    passing = {"writer.lock", "chroma.sqlite3"}
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name not in passing}


def allowed(index: Index, **groups: tuple[str, ...]) -> set[str]:
    """The passages that both searches agree a filter lets through."""
    filters = Filters(**groups)
    mask = index.catalogue.allowed(filters)
    rows, _ = index.dense(index.arrays.vectors[0], 100, filters)
    assert {int(row) for row in rows} == set(mask.nonzero()[0].tolist())
    return {passage.text for passage in index.passages([int(row) for row in rows])}


def test_a_first_ingest_indexes_every_guide_with_its_place(project: Project) -> None:
    project.write("corpus/systems/drift.md", TWO_SECTIONS)
    project.write("corpus/b.txt", "Another matter.\n")
    outcome = project.sync()
    assert outcome.plan.added == ("corpus/b.txt", "corpus/systems/drift.md")
    index = assert_sound(project)
    assert [(p.text, p.source.place, p.source.heading_path) for p in index.passages(range(3))] == [
        ("Another matter.", "corpus/b.txt:1", ("B",)),
        ("The data moves away.", "corpus/systems/drift.md:5", ("Drift", "What it is")),
        ("Compare two windows.", "corpus/systems/drift.md:9", ("Drift", "How to see it")),
    ]
    assert (index.manifest.documents, index.manifest.passages) == (2, 3)


def test_an_unchanged_corpus_costs_no_embedding_and_no_new_generation(project: Project) -> None:
    for place in range(1000):
        project.write(f"corpus/area{place % 7}/guide{place}.md", f"# Guide {place}\n\nThis is about subject{place}.\n")
    first = project.sync()
    assert len(project.encoder.seen) == 1000
    before = files_of(project.settings.index_dir)
    second = project.sync()
    assert project.encoder.seen == []
    assert second.manifest == first.manifest
    assert len(second.plan.unchanged) == 1000 and second.plan.is_empty
    assert files_of(project.settings.index_dir) == before


def test_an_edit_embeds_only_the_passage_it_changed(project: Project) -> None:
    project.write("corpus/drift.md", TWO_SECTIONS)
    project.write("corpus/b.md", "Another matter.\n")
    project.sync()
    project.write("corpus/drift.md", TWO_SECTIONS.replace("two windows", "many windows"))
    outcome = project.sync()
    assert outcome.plan.changed == ("corpus/drift.md",)
    assert project.encoder.seen == ["Drift > How to see it\nCompare many windows."]
    assert "Compare two windows." not in texts(assert_sound(project))


def test_a_renamed_heading_embeds_its_passages_again_because_the_model_reads_it(project: Project) -> None:
    project.write("corpus/drift.md", TWO_SECTIONS)
    project.sync()
    project.write("corpus/drift.md", TWO_SECTIONS.replace("How to see it", "Detection"))
    project.sync()
    assert project.encoder.seen == ["Drift > Detection\nCompare two windows."]
    assert contents(assert_sound(project)) == contents(project.from_scratch().open())


def test_a_line_added_above_moves_the_line_numbers_without_embedding(project: Project) -> None:
    project.write("corpus/drift.md", TWO_SECTIONS)
    project.sync()
    project.write("corpus/drift.md", f"<!-- note -->\n\n{TWO_SECTIONS}")
    project.sync()
    assert project.encoder.seen == []
    (passage, _) = assert_sound(project).passages([0, 1])
    assert passage.source.line == 7


def test_a_rename_and_a_deletion_leave_nothing_behind(project: Project) -> None:
    for name in "abc":
        project.write(f"corpus/{name}.md", f"# Guide {name}\n\nSubject {name}.\n")
    project.sync()
    (project.folder / "corpus/a.md").rename(project.folder / "corpus/z.md")
    (project.folder / "corpus/b.md").unlink()
    outcome = project.sync()
    assert (outcome.plan.added, outcome.plan.removed) == (("corpus/z.md",), ("corpus/a.md", "corpus/b.md"))
    assert project.encoder.seen == [], "a renamed guide has the same passages"
    assert texts(assert_sound(project)) == {"Subject a.": {"corpus/z.md"}, "Subject c.": {"corpus/c.md"}}


def test_a_change_of_role_in_the_front_matter_alone_reaches_the_filters(project: Project) -> None:
    guide = "---\ntitle: Drift\narea: systems\nroles: [mle]\nlevel: core\n---\n\nThe data moves.\n"
    project.write("corpus/drift.md", guide)
    project.write("corpus/plain.md", "No labels here.\n")
    project.sync()
    index = project.open()
    assert allowed(index, roles=("mle",)) == allowed(index, areas=("systems",), levels=("core",)) == {"The data moves."}
    assert allowed(index, roles=("ds",)) == set()
    project.write("corpus/drift.md", guide.replace("mle", "ds"))
    project.sync()
    index = assert_sound(project)
    assert allowed(index, roles=("ds", "other")) == {"The data moves."}
    assert allowed(index, roles=("mle",)) == set()


def test_the_same_guide_under_two_names_is_indexed_once_and_remembers_both(project: Project) -> None:
    project.write("corpus/a.md", TWO_SECTIONS)
    project.write("corpus/copy.md", TWO_SECTIONS)
    project.sync()
    assert len(project.encoder.seen) == 2
    both = {"corpus/a.md", "corpus/copy.md"}
    assert texts(assert_sound(project)) == {"The data moves away.": both, "Compare two windows.": both}


def test_a_shared_passage_does_not_pass_filters_by_the_labels_of_two_guides_together(project: Project) -> None:
    shared = "Shared passage, word for word."
    project.write("corpus/a.md", f"---\narea: llm\nlevel: core\nroles: [mle]\n---\n# A\n\n{shared}\n")
    project.write("corpus/b.md", f"---\narea: data\nlevel: deep\nroles: [ds]\n---\n# B\n\n{shared}\n\n## More\n\nOwn words.\n")
    project.sync()
    index = project.open()
    assert allowed(index, areas=("llm",), levels=("deep",)) == allowed(index, areas=("data",), roles=("mle",)) == set()
    assert allowed(index, areas=("llm",), levels=("core",), roles=("mle",)) == {shared}
    assert allowed(index, areas=("llm", "data"), levels=("deep",)) == {shared, "Own words."}


def test_a_passage_in_two_guides_is_found_by_either_ones_labels_and_survives_the_first(project: Project) -> None:
    shared = "Shared passage, word for word."
    project.write("corpus/a.md", f"---\nroles: [mle]\n---\n# A\n\n{shared}\n")
    project.write("corpus/b.md", f"---\nroles: [ds]\n---\n# B\n\n{shared.replace(' ', '  ')}\n\n## More\n\nOwn words.\n")
    project.sync()
    index = assert_sound(project)
    assert texts(index)[shared] == {"corpus/a.md", "corpus/b.md"}
    assert allowed(index, roles=("ds",)) == {shared, "Own words."}
    assert allowed(index, roles=("mle",)) == {shared}
    assert allowed(index, roles=("mle", "ds")) == {shared, "Own words."}
    (project.folder / "corpus/a.md").unlink()
    project.sync()
    index = assert_sound(project)
    assert texts(index) == {shared.replace(" ", "  "): {"corpus/b.md"}, "Own words.": {"corpus/b.md"}}
    assert allowed(index, roles=("mle",)) == set()
    assert contents(index) == contents(project.from_scratch().open())


@pytest.mark.parametrize("how", ["changed setting", "rebuild"])
def test_guides_from_elsewhere_outlive_a_changed_setting_and_a_rebuild(project: Project, how: str) -> None:
    project.write("corpus/a.md", "# A\n\nAlpha stands here.\n")
    project.write("notes/b.md", "# B\n\nBeta stands there.\n")
    project.sync("corpus", "notes")
    later = project.with_settings(chunk_tokens=64) if how == "changed setting" else project
    later.sync("corpus", rebuild=how == "rebuild")
    assert set(texts(later.open())) == {"Alpha stands here.", "Beta stands there."}


def test_guides_from_elsewhere_outlive_an_index_of_an_earlier_format(project: Project) -> None:
    project.write("corpus/a.md", ASKED)
    project.write("notes/b.md", ASKED.replace("Drift", "Skew").replace("data moves", "code differs"))
    manifest = project.sync("corpus", "notes").manifest
    assert manifest
    as_it_was = replace(manifest, fingerprint="of format 4")
    as_it_was.commit(project.settings)
    with closing(sqlite3.connect(manifest.folder(project.settings) / "catalogue.sqlite")) as database:
        database.execute("alter table documents drop column asks")
    for name in ("questions", "question_offsets"):
        (manifest.folder(project.settings) / f"{name}.npy").unlink()
    with pytest.raises(IndexMissing, match="python -m ingest"):
        project.open()
    outcome = project.sync("corpus")
    assert (outcome.plan.changed, outcome.plan.removed) == (("corpus/a.md",), ())
    assert set(texts(assert_sound(project))) == {"The data moves away.", "The code differs away.", "Compare two windows."}
    project.sync("corpus", "notes")
    assert contents(assert_sound(project)) == contents(project.from_scratch("corpus", "notes").open())


def test_changed_asks_embed_only_their_sections_passage_again(project: Project) -> None:
    project.write("corpus/drift.md", ASKED)
    project.write("corpus/drift.asks", ASKS)
    project.sync()
    assert project.open().arrays.question_offsets.tolist() == [0, 1, 4], "a heading that asks, and two asks"
    project.write("corpus/drift.asks", ASKS.replace("how would I notice", "how do I notice"))
    assert project.sync().plan.changed == ("corpus/drift.md",)
    assert project.encoder.seen == ["Drift > How to see it?\nCompare two windows."]
    assert contents(assert_sound(project)) == contents(project.from_scratch().open())


def test_asks_are_embedded_and_searched_but_are_no_part_of_any_passage(project: Project) -> None:
    project.write("corpus/drift.md", ASKED)
    project.write("corpus/drift.asks", ASKS)
    project.sync()
    index = assert_sound(project)
    (asked,) = project.encoder.encode(["how would i notice"])
    assert index.arrays.asked(asked.vector).argmax() == 1
    assert index.lexical.scores("notice").tolist() == [0.0, max(index.lexical.scores("notice"))] != [0.0, 0.0]
    assert set(texts(index)) == {"The data moves away.", "Compare two windows."}


@pytest.mark.parametrize("change", ["chunk_tokens", "encoder"])
def test_a_changed_setting_never_reads_the_old_index(project: Project, change: str) -> None:
    project.write("corpus/drift.md", TWO_SECTIONS)
    project.sync()
    other = project.with_settings(chunk_tokens=64)
    if change == "encoder":
        other = Project(project.settings, project.folder, CountingEncoder("another"))
    with pytest.raises(IndexMissing, match=r"another model, chunk size or version.*python -m ingest"):
        other.open()
    other.sync()
    assert len(other.encoder.seen) == 2, "vectors of the old settings must not be taken over"
    assert_sound(other)
    assert [path.name for path in project.settings.index_dir.glob("chroma/*")] == [other.open().manifest.collection]
    with pytest.raises(IndexMissing):
        project.open()


@pytest.mark.parametrize("state", ["empty", "missing"])
def test_a_folder_that_is_empty_or_missing_for_a_moment_loses_nothing(project: Project, state: str) -> None:
    project.write("corpus/a.md", "Subject a.\n")
    project.write("corpus/sub/b.md", "Subject b.\n")
    before = project.sync().manifest
    shutil.rmtree(project.folder / "corpus")
    if state == "empty":
        (project.folder / "corpus").mkdir()
    outcome = project.sync()
    assert outcome.plan.kept == ("corpus/a.md", "corpus/sub/b.md")
    assert outcome.manifest == before
    assert_sound(project)
    outcome = project.sync(prune_all=True)
    assert (outcome.plan.removed, outcome.manifest) == (("corpus/a.md", "corpus/sub/b.md"), None)
    with pytest.raises(IndexMissing, match="python -m ingest"):
        project.open()
    project.write("corpus/c.md", "Subject c.\n")
    project.sync()
    assert texts(assert_sound(project)) == {"Subject c.": {"corpus/c.md"}}


def test_a_root_of_its_own_leaves_the_guides_of_others_alone(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "notes.md"
    outside.write_text("Subject outside.\n")
    for name in ("corpus/a.md", "corpus-old/b.md", "notes.md"):
        project.write(name, f"Subject {name}.\n")
    project.sync("corpus", "corpus-old", "notes.md", str(outside.parent))
    (project.folder / "corpus/a.md").unlink()
    project.write("corpus/c.md", "Subject c.\n")
    outcome = project.sync("corpus")
    assert outcome.plan.removed == ("corpus/a.md",)
    (project.folder / "notes.md").unlink()
    outcome = project.sync(".")
    assert outcome.plan.removed == ("notes.md",), "the current folder is one root among others"
    kept = {name for names in texts(assert_sound(project)).values() for name in names}
    assert kept == {"corpus-old/b.md", "corpus/c.md", outside.as_posix()}


@pytest.mark.parametrize("roots", [("corpus/a", "corpus"), ("corpus", "corpus/a"), ("corpus", "corpus")])
def test_overlapping_roots_count_and_remove_each_guide_once(project: Project, roots: tuple[str, ...]) -> None:
    for name in ("a/x.md", "a/gone.md", "b/y.md"):
        project.write(f"corpus/{name}", f"Subject {name}.\n")
    project.write("corpus/a/bad.md", "")
    outcome = project.sync(*roots)
    assert sorted(outcome.plan.added) == ["corpus/a/gone.md", "corpus/a/x.md", "corpus/b/y.md"]
    assert [item.doc_id for item in outcome.plan.skipped] == ["corpus/a/bad.md"]
    (project.folder / "corpus/a/gone.md").unlink()
    outcome = project.sync(*roots)
    assert outcome.plan.removed == ("corpus/a/gone.md",)
    assert sorted(outcome.plan.unchanged) == ["corpus/a/x.md", "corpus/b/y.md"]
    assert len(texts(assert_sound(project))) == 2


def test_a_folder_above_this_one_sees_the_deletions_inside_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("here/a.md", "Subject a.\n")
    project.write("here/b.md", "Subject b.\n")
    monkeypatch.chdir(project.folder / "here")
    project.sync(".")
    (project.folder / "here/a.md").unlink()
    assert project.sync("..").plan.removed == ("a.md",)


def test_bad_files_are_skipped_by_name_and_the_rest_is_indexed(project: Project) -> None:
    project.write("corpus/good.md", "Subject good.\n")
    project.write("corpus/empty.md", "")
    project.write("corpus/binary.md", bytes(range(256)) * 10)
    project.write("corpus/cut.pdf", b"%PDF-1.4 cut")
    project.write("corpus/odd.bin", b"x")
    outcome = project.sync()
    assert {item.doc_id: item.reason.split(" (")[0] for item in outcome.plan.skipped} == {
        "corpus/empty.md": "empty",
        "corpus/binary.md": "binary, not text",
        "corpus/cut.pdf": "damaged PDF",
        "corpus/odd.bin": "not a format Prep RAG reads",
    }
    assert texts(assert_sound(project)) == {"Subject good.": {"corpus/good.md"}}


def test_a_guide_that_turns_bad_leaves_the_index(project: Project) -> None:
    project.write("corpus/a.md", "Subject a.\n")
    project.write("corpus/b.md", "Subject b.\n")
    project.sync()
    project.write("corpus/b.md", "")
    outcome = project.sync()
    assert outcome.plan.removed == ("corpus/b.md",)
    assert texts(assert_sound(project)) == {"Subject a.": {"corpus/a.md"}}


def test_no_readable_guide_at_all_says_so_and_keeps_no_half_index(project: Project) -> None:
    project.write("corpus/empty.md", "")
    with pytest.raises(PrepError, match=r"No file holds any text.*python -m ingest PATH"):
        project.sync()
    with pytest.raises(PrepError, match=r"There is no file or folder 'nowhere'.*python -m ingest PATH"):
        project.sync("nowhere")
    with pytest.raises(IndexMissing):
        project.open()


def test_a_guide_with_only_headings_does_no_harm(project: Project) -> None:
    project.write("corpus/a.md", "# Only\n\n## Headings\n")
    project.write("corpus/b.md", "Subject b.\n")
    assert project.sync().plan.added == ("corpus/a.md", "corpus/b.md")
    assert_sound(project)
    assert project.sync().plan.is_empty


def test_a_rebuild_embeds_everything_anew_and_leaves_one_store(project: Project) -> None:
    project.write("corpus/drift.md", TWO_SECTIONS)
    before = project.sync().manifest
    after = project.sync(rebuild=True).manifest
    assert len(project.encoder.seen) == 2
    assert before and after and before.collection != after.collection
    assert [path.name for path in project.settings.index_dir.glob("chroma/*")] == [after.collection]
    assert_sound(project)


def test_a_dry_run_writes_nothing_and_says_what_it_would_do(project: Project) -> None:
    project.write("corpus/a.md", "Subject a.\n")
    outcome = project.sync(dry_run=True)
    assert outcome.plan.added == ("corpus/a.md",)
    assert files_of(project.settings.data_dir) == {}
    project.sync()
    before = files_of(project.settings.data_dir)
    project.write("corpus/a.md", "Subject b.\n")
    project.write("corpus/c.md", "Subject c.\n")
    outcome = project.sync(dry_run=True, rebuild=False)
    assert (outcome.plan.changed, outcome.plan.added) == (("corpus/a.md",), ("corpus/c.md",))
    assert project.sync(dry_run=True, prune_all=True).plan.changed == ("corpus/a.md",)
    assert files_of(project.settings.data_dir) == before
    assert project.encoder.seen == []


def test_rows_that_chroma_lost_are_put_back_without_embedding(project: Project) -> None:
    for name in "abc":
        project.write(f"corpus/{name}.md", f"Subject {name}.\n")
    manifest = project.sync().manifest
    assert manifest
    index = project.open()
    VectorStore(project.settings, manifest.collection).delete([index.ids[1]])
    with pytest.raises(PrepError, match=r"Chroma holds 2 of 3 passages. Put them back: python -m ingest"):
        project.open()
    project.sync()
    assert project.encoder.seen == []
    assert_sound(project)


def test_an_interrupted_ingest_does_not_embed_its_finished_batches_again(project: Project) -> None:
    total = 3 * EMBED_BATCH
    for place in range(total):
        project.write(f"corpus/{place}.md", f"Subject{place}.\n")

    def interrupt(done: int, of: int) -> None:
        if done == 2 * EMBED_BATCH:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        project.sync(progress=interrupt)
    assert len(project.encoder.seen) == 2 * EMBED_BATCH
    with pytest.raises(IndexMissing):
        project.open()
    first = set(project.encoder.seen)
    project.sync()
    assert len(project.encoder.seen) == EMBED_BATCH
    assert not first & set(project.encoder.seen)
    assert contents(assert_sound(project)) == contents(project.from_scratch().open())


@pytest.mark.parametrize("left", [0, 1, 500])
def test_a_pending_batch_cut_short_by_a_power_cut_is_embedded_again(project: Project, left: int) -> None:
    project.write("corpus/a.md", "Subject a.\n")

    def interrupt(done: int, of: int) -> None:
        if done == of:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        project.sync(progress=interrupt)
    (batch,) = project.settings.index_dir.rglob("*.npz")
    batch.write_bytes(batch.read_bytes()[:left])
    project.sync()
    assert len(project.encoder.seen) == 1
    assert_sound(project)


def test_an_index_under_a_folder_with_odd_characters_works(project: Project) -> None:
    odd = project.with_settings(data_dir=project.folder / "C# & 100% ?odd=1" / ".prep")
    odd.write("corpus/a [draft].md", "Subject a.\n")
    odd.sync()
    assert texts(assert_sound(odd)) == {"Subject a.": {"corpus/a [draft].md"}}


def test_the_settings_of_a_test_point_nowhere_near_the_real_index(settings: Settings, tmp_path: Path) -> None:
    assert settings.index_dir.is_relative_to(tmp_path)


def test_what_no_guide_answers_is_embedded_once_for_all_indexes_and_anew_for_another_model(
    settings: Settings, tmp_path: Path
) -> None:
    own = settings.model_copy(update={"models_dir": tmp_path / "models"})
    first = examples(own, CountingEncoder())
    assert len(first) == len(beyond()) and (first[0] == CountingEncoder().encode(beyond()[:1])[0].vector).all()

    class Idle(CountingEncoder):
        def encode(self, texts: Sequence[str]) -> list[Encoding]:
            raise AssertionError("they are on disk")

    assert (examples(own, Idle()) == first).all()
    with pytest.raises(AssertionError):
        examples(own, Idle("another"))
