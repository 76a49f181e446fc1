"""Chunks are exact spans, within the limit, whole where they can be, and together they hold every word."""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.chunk import CHARACTERS_PER_TOKEN, chunk
from rag.embed import OnnxEncoder
from rag.types import Chunk, Document

LIMIT = 40
SNIPPETS = [
    "\r\n", "\r", "\n\n", "# One\n", "## Two\n\n", "Set\n===\n", "Text\n---\n", "***\n", "    indented\n",
    "```python\nx = 1\n\n# no heading\n```\n", "```\n", "~~~\n", "$$\na\n\nb\n$$\n", "$$", "| a | b |\n|---|---|\n| 1 | 2 |\n",
    "- a\n  - b\n    - c\n", "1. x\n\n   y\n", "> quoted\n", "as follows:\n\n", "[ref]: http://example.com\n", "<div>\n",
    "\t", "\f", "\x0b", "\u2028", "\x00", "é🙂", "word " * 60, "z" * 500,
]  # fmt: skip
ANY_TEXT = st.lists(st.one_of(st.text(max_size=30), st.sampled_from(SNIPPETS)), max_size=14).map("".join)
FORMATS: list[Literal["markdown", "plain"]] = ["markdown", "plain"]


def count(text: str) -> int:
    return len(text.split())


def size(text: str) -> int:
    return max(count(text), len(text) // CHARACTERS_PER_TOKEN)


def cut(text: str, limit: int = LIMIT, form: Literal["markdown", "plain"] = "markdown", title: str = "Title") -> list[Chunk]:
    return chunk(Document("guide.md", title, text, form), limit, count)


def assert_fits(chunks: list[Chunk], limit: int, measure: Callable[[str], int] = size) -> None:
    for piece in chunks:
        assert measure(piece.text) <= max(limit - count(" > ".join(piece.heading_path)), limit // 2)


@settings(max_examples=300, deadline=None)
@given(text=ANY_TEXT, form=st.sampled_from(FORMATS), start=st.integers(0, 40))
def test_a_chunk_is_its_span_of_the_document_whatever_the_text(text: str, form: Literal["markdown", "plain"], start: int) -> None:
    document = Document("guide.md", "Title", text, form, body_start=min(start, len(text)))
    chunks = chunk(document, LIMIT, count)
    for piece in chunks:
        assert document.text[piece.start : piece.end] == piece.text
        assert piece.text == piece.text.strip() != ""
    assert all(before.end <= after.start for before, after in pairwise(chunks))
    assert_fits(chunks, LIMIT)


def word_source() -> Callable[[int], str]:
    """Gives words that occur nowhere else in the document."""
    given_out = iter(range(1_000_000))
    return lambda how_many: " ".join(f"w{next(given_out)}" for _ in range(how_many))


def block(kind: str, length: int, words: Callable[[int], str]) -> tuple[list[str], str]:
    """(stretches that must stay whole when they fit, the block as Markdown)."""
    lines = [words(4) for _ in range(length)]
    match kind:
        case "paragraph":
            return [], ". ".join(f"So {line}" for line in lines) + "."
        case "heading":
            return [], f"{'#' * (1 + length % 4)} {words(2)}"
        case "setext":
            return [], f"{words(2)}\n{'=-'[length % 2] * 5}"
        case "bullets":
            items = [f"- {line}. And {words(2)}" for line in lines]
            return items, "\n".join(items)
        case "nested":
            items = [f"1. {line}\n   - {words(2)}.\n   - {words(2)}\n\n     {words(2)}" for line in lines]
            return items, "\n".join(items)
        case "fence":
            whole = "```python\n" + "\n\n".join(f"# {line}" for line in lines) + "\n```"
        case "table":
            whole = "| a | b |\n|---|---|\n" + "\n".join(f"| {line} | {words(1)} |" for line in lines)
        case "formula":
            whole = "$$\n" + "\n\n".join(lines) + "\n$$"
        case "introduced":
            items = [f"- {line}" for line in lines]
            whole = f"{words(3)} as follows:\n\n" + "\n".join(items)
            return [whole, *items], whole
        case "rule":
            return [], f"---\n\n[{words(1)}]: http://x.org"
        case _:
            raise AssertionError(kind)
    return [whole], whole


KINDS = ["paragraph", "heading", "setext", "bullets", "nested", "fence", "table", "formula", "introduced", "rule"]
SHAPES = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 14)), min_size=1, max_size=10)


@settings(max_examples=300, deadline=None)
@given(shapes=SHAPES, limit=st.integers(32, 120))
def test_no_word_is_lost_and_nothing_that_fits_is_split(shapes: list[tuple[str, int]], limit: int) -> None:
    words = word_source()
    built = [block(kind, length, words) for kind, length in shapes]
    text = "\n\n".join(markdown for _, markdown in built)
    chunks = cut(text, limit)
    assert_fits(chunks, limit)
    kept = {word for piece in chunks for word in re.findall(r"w\d+", piece.text + " ".join(piece.heading_path))}
    for kind, (wholes, markdown) in zip((kind for kind, _ in shapes), built, strict=True):
        if kind not in {"heading", "setext", "rule"}:
            assert set(re.findall(r"w\d+", markdown)) <= kept
        for whole in wholes:
            if size(whole) <= limit // 2:
                assert any(whole in piece.text for piece in chunks), whole


@settings(max_examples=100, deadline=None)
@given(paragraphs=st.lists(st.tuples(st.integers(1, 90), st.sampled_from([".", "", "?", ":", "!"])), max_size=12))
def test_plain_text_loses_no_line_even_when_every_paragraph_looks_like_a_heading(paragraphs: list[tuple[int, str]]) -> None:
    words = word_source()
    text = "\n\n".join(words(length) + end for length, end in paragraphs)
    chunks = cut(text, form="plain")
    kept = " ".join(piece.text + " " + " ".join(piece.heading_path) for piece in chunks).split()
    assert {word.strip(".?:!") for word in text.split()} <= {word.strip(".?:!") for word in kept}
    assert_fits(chunks, LIMIT)


@pytest.mark.parametrize("kind", ["fence", "table", "formula", "bullets", "nested", "introduced"])
def test_a_block_too_large_for_one_chunk_is_cut_at_its_own_joints(kind: str) -> None:
    wholes, markdown = block(kind, 40, word_source())
    chunks = cut(markdown)
    assert len(chunks) > 1
    assert_fits(chunks, LIMIT)
    joints = wholes[1:] if kind == "introduced" else wholes if len(wholes) > 1 else re.findall(r"[^\n]+", markdown)
    assert all(any(part in piece.text for piece in chunks) for part in joints)
    assert all(size(a.text) + size(b.text) > LIMIT // 2 for a, b in pairwise(chunks)), (
        "crumbs: neighbours that would fit together"
    )


def test_a_large_formula_with_blank_lines_keeps_its_first_lines() -> None:
    text = "$$\n" + "\n\n".join(f"x{place} = y{place} + z" for place in range(60)) + "\n$$"
    assert "x0 = y0 + z" in cut(text)[0].text


def test_one_endless_word_is_cut_by_its_characters() -> None:
    chunks = cut("z" * 5000)
    assert "".join(piece.text for piece in chunks) == "z" * 5000
    assert_fits(chunks, LIMIT)


def test_a_paragraph_that_introduces_a_list_stays_with_it() -> None:
    filler = "word " * 30
    chunks = cut(f"{filler}\n\nIt has two parts:\n\n- first part\n- second part")
    assert [piece.text for piece in chunks] == [filler.strip(), "It has two parts:\n\n- first part\n- second part"]


def test_a_list_too_large_with_its_introduction_is_still_cut_between_items() -> None:
    items = [f"- Item {place} says this. It says that too" for place in range(20)]
    chunks = cut("Here they are:\n\n" + "\n".join(items))
    assert chunks[0].text.startswith("Here they are:\n\n- Item 0")
    assert all(any(item in piece.text for piece in chunks) for item in items)


def test_code_stays_with_its_output() -> None:
    pair = "```python\nprint(1)\n```\n\n```output\n1\n```"
    chunks = cut("word " * 36 + "\n\n" + pair)
    assert chunks[-1].text == pair


def test_the_heading_path_follows_nesting_setext_headings_and_ignores_code() -> None:
    text = (
        "# Title\n\nintro\n\n## A\n\nin a\n\n### A1\n\nin a1\n\nB\n---\n\n```sh\n# not a heading\n```\n\n"
        "#### Deep *and* `code`\n\nin deep\n\nC\n===\n\nin c\n"
    )
    assert [(piece.heading_path, piece.text) for piece in cut(text)] == [
        (("Title",), "intro"),
        (("Title", "A"), "in a"),
        (("Title", "A", "A1"), "in a1"),
        (("Title", "B"), "```sh\n# not a heading\n```"),
        (("Title", "B", "Deep and code"), "in deep"),
        (("Title", "C"), "in c"),
    ]


def test_an_unclosed_fence_runs_to_the_end_and_hides_its_headings() -> None:
    chunks = cut("## A\n\n```\ncode\n\n## not a heading\n\nmore")
    assert {piece.heading_path for piece in chunks} == {("Title", "A")}
    assert "more" in chunks[-1].text


def test_front_matter_is_no_passage() -> None:
    text = "---\ntitle: x\n\naliases: [a]\n---\n\nbody\n"
    (piece,) = chunk(Document("guide.md", "x", text, body_start=text.index("\nbody")), LIMIT, count)
    assert (piece.text, piece.heading_path) == ("body", ("x",))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_gives_the_same_chunks(end: str) -> None:
    chunks = cut("## A\n\nin a\n\n## B\n\n- one\n- two\n\nlast".replace("\n", end))
    assert [(piece.heading_path[-1], piece.text.split()) for piece in chunks] == [
        ("A", ["in", "a"]),
        ("B", ["-", "one", "-", "two", "last"]),
    ]


def test_plain_text_takes_short_lines_for_headings() -> None:
    chunks = cut("What is drift?\n\nThe data moves.\n\nHow to see it\n\nWatch it.", form="plain")
    assert [(piece.heading_path[-1], piece.text) for piece in chunks] == [
        ("What is drift?", "The data moves."),
        ("How to see it", "Watch it."),
    ]


def test_items_set_apart_by_blank_lines_in_plain_text_are_not_taken_for_empty_sections() -> None:
    chunks = cut("Ways to stop overfitting.\n\n- early stopping\n\n- weight decay\n\n- dropout\n\nThat is all.", form="plain")
    joined = " ".join(piece.text + " ".join(piece.heading_path) for piece in chunks)
    assert "early stopping" in joined and "weight decay" in joined and "dropout" in joined


def test_the_real_tokenizer_never_sees_more_than_it_can_read(encoder: OnnxEncoder) -> None:
    text = (
        "Ünïcödé 漢字仮名 " * 300
        + "\n\n"
        + "a_very_long_identifier.with.dots(" * 200
        + "\n\n---\n\n"
        + "-" * 79
        + "\n\nend " * 90
    )
    for limit in (64, 220):
        chunks = chunk(Document("guide.md", "Title", text), limit, encoder.count)
        assert len(chunks) > 3
        assert max(encoder.count(piece.text) for piece in chunks) <= limit
