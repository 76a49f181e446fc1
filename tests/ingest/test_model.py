"""Any sequence of additions, edits, deletions and renames ends in the index that a fresh ingest of the same files gives."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ingest.chunk import chunk
from ingest.load import load
from ingest.scan import identify
from tests.conftest import make_settings
from tests.ingest.conftest import Project, assert_sound, texts

NAMES = st.sampled_from(["a.md", "b.txt", "sub/c.md", "sub/deep/d.mdx"])
PARAGRAPHS = ["One passage here.", "Another passage there.", "A third, longer passage. " * 12, "- first\n- second\n"]
GUIDES = st.builds(
    lambda area, parts: f"---\narea: {area}\n---\n# Guide\n\n" + "\n\n## Part\n\n".join(parts),
    st.sampled_from(["systems", "math"]),
    st.lists(st.sampled_from(PARAGRAPHS), min_size=1, max_size=3),
)


class Guides(RuleBasedStateMachine):
    """The dictionary is the truth; the index must tell the same."""

    def __init__(self) -> None:
        super().__init__()
        self.scratch = TemporaryDirectory()
        folder = Path(self.scratch.name)
        self.project = Project(make_settings(folder, chunk_tokens=40, corpus_dir=folder / "corpus"), folder)
        self.project.write("corpus/always.md", "Always here.\n")
        self.guides = {"always.md": "Always here.\n"}
        self.synced = False

    def teardown(self) -> None:
        self.scratch.cleanup()

    @rule(name=NAMES, guide=GUIDES)
    def add_or_edit(self, name: str, guide: str) -> None:
        self.guides[name] = guide
        self.project.write(f"corpus/{name}", guide)
        self.synced = False

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        if self.guides.pop(name, None) is not None:
            (self.project.folder / "corpus" / name).unlink()
            self.synced = False

    @rule(old=NAMES, new=NAMES)
    def rename(self, old: str, new: str) -> None:
        if old in self.guides and old != new:
            guide = self.guides[old]
            self.delete(old)
            self.add_or_edit(new, guide)

    @rule()
    def ingest(self) -> None:
        self.project.sync()
        self.synced = True

    @invariant()
    def the_index_is_what_a_fresh_ingest_would_give(self) -> None:
        if not self.synced:
            return
        expected: dict[str, set[str]] = {}
        for name, guide in self.guides.items():
            path = self.project.folder / "corpus" / name
            document = load(path, identify(path), guide.encode())
            for piece in chunk(document, 40, self.project.encoder.count):
                expected.setdefault(piece.text, set()).add(document.id)
        assert texts(assert_sound(self.project)) == expected


TestGuides = Guides.TestCase
TestGuides.settings = settings(
    max_examples=12, stateful_step_count=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
