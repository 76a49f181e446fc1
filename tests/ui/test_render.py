"""Text to markup: nothing smuggled in, every span marked whole, every number a link."""

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.load import load
from rag.types import Citation, Document
from rag.units import units
from tests.ui.conftest import GUIDE, HOSTILE_TEXT, ROOT
from ui import panels
from ui.render import document_markup, guide_links, literal, markup, place_of, section_at, sections

GUIDES = (
    GUIDE,
    "corpus/evaluation/precision-and-recall.md",
    "corpus/llm/rlhf-and-dpo.md",
    "corpus/coding/sql-joins-and-windows.md",
)


def guide(name: str) -> Document:
    path = ROOT / name
    return load(path, name, path.read_bytes())


def words(drawn: str) -> str:
    """What a reader sees, less spacing."""
    return re.sub(
        r"\s+",
        "",
        html.unescape(re.sub(r"</?(?:mark|div|p|li|[uo]l|strong|em|code|a|h\d|table|t[hdr]|thead|tbody)\b[^>]*>", "", drawn)),
    )


def link(number: int) -> str:
    return f"#s{number}"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "a <b onclick='x'>b</b>",
        "[click](javascript:alert(1))",
        "[click](data:text/html,x)",
        "![x](http://192.0.2.1/x.png)",
        "<http://192.0.2.1>",
        "| <i> |\n|---|\n| <script> |",
        "[a]: http://192.0.2.1\n\n[a]",
    ],
)
def test_nothing_a_text_says_becomes_an_element_that_loads_runs_or_leads_away(text: str) -> None:
    drawn = markup(text, place=guide_links("corpus/a/b.md"))
    tags = re.findall(r"<(\w+)", drawn)
    assert not {"script", "img", "b", "i"} & set(tags)
    assert not re.search(r'href="(?!https?:|library\?|#)', drawn)
    assert "http://192.0.2.1" not in re.findall(r'(?:src|href)="([^"]*)"', markup(text))


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="<>&\"'`*_[]()!$:|#-\n abc1", max_size=80))
def test_no_text_at_all_yields_a_tag_of_its_own(text: str) -> None:
    tags = set(re.findall(r"<(\w+)", re.sub(r"(`{3,})[\s\S]*?\1", "", markup(text, number=link))))
    allowed = "p a code strong em ul ol li h1 h2 h3 h4 h5 h6 blockquote hr div table thead tbody tr th td pre br"
    assert tags <= set(allowed.split())


def test_a_marker_is_a_link_in_prose_lists_and_tables_and_text_in_code() -> None:
    drawn = markup("One [1] two.\n\n- item [2]\n\n| a [3] |\n|---|\n\n`x[1]`\n\n```\ny[1]\n```", number=link)
    assert re.findall(r'href="(#s\d)"', drawn) == ["#s1", "#s2", "#s3"]
    assert "<code>x[1]</code>" in drawn and "y[1]" in drawn


def test_a_number_that_no_source_stands_behind_is_no_link() -> None:
    assert "<a" not in markup("array[9] [9]", number=lambda number: None)


@pytest.mark.parametrize("cut", range(4, 60, 5))
def test_a_formula_cut_anywhere_while_streaming_never_shows_its_source(cut: int) -> None:
    text = "Text.\n\n$$\nz = \\frac{stripes}{w} + \\sqrt{2}\n$$\n\nIn words: z."
    drawn = markup(text[:cut])
    assert ("frac" in drawn) <= (drawn.count("$$") == 2)


def test_a_dollar_in_prose_stays_a_dollar() -> None:
    assert "costs $5 or $6" in markup("It costs $5 or $6.")
    assert not re.search(r"^[^<\n]*\$", markup("It costs $5 or $6."), re.M), "outside raw HTML Streamlit would read it as LaTeX"


def test_a_figure_and_its_percent_sign_stay_on_one_line() -> None:
    assert "99.1&nbsp;% of 5&nbsp;%." in markup("Now 99.1 % of 5 %.")


@pytest.mark.parametrize("name", GUIDES)
def test_every_quotable_unit_of_a_guide_is_marked_whole_and_nothing_else_changes(name: str) -> None:
    document = guide(name)
    for section in sections(document):
        plain = words(document_markup(document, section.start, section.end, None))
        for unit in units(document.text[section.start : section.end]):
            span = (section.start + unit.start, section.start + unit.end)
            drawn = document_markup(document, section.start, section.end, span, "here")
            assert drawn.count('id="here"') == 1, unit.text
            assert words(drawn) == plain, unit.text
            if unit.kind == "sentence":
                assert words("".join(re.findall(r"<mark[^>]*>(.*?)</mark>", drawn))) == words(markup(unit.text)), unit.text


def test_sections_cover_the_body_and_a_hash_in_code_is_no_heading() -> None:
    document = Document("a.md", "A", "---\nx\n---\n# One\n```\n# not\n```\n## Two `x`?\ntext", body_start=10)
    found = sections(document)
    assert [section.title for section in found] == ["One", "Two x?"]
    assert found[0].end == found[1].start and found[1].end == len(document.text)
    assert section_at(document, document.text.index("not")).title == "One"


def test_links_between_guides_lead_to_the_library() -> None:
    address = guide_links("corpus/evaluation/precision.md")
    assert address("../data/leakage.md#x") == "library?guide=corpus%2Fdata%2Fleakage.md"
    assert address("javascript:x.md") is None


def test_a_quote_that_moved_is_found_and_one_that_changed_is_not() -> None:
    document = Document("a.md", "A", "New line.\nOld words.")
    assert place_of(document, 0, 10, "Old words.") == (10, 20)
    assert place_of(document, 0, 10, "Other words") is None


def test_a_source_that_changed_since_shows_the_words_as_they_stood_and_says_so() -> None:
    citation = Citation(1, "a.md", "A", "H", "a.md:1", 0, 9, "Old <b>words")
    changed = panels.source_card(citation, 0, Document("a.md", "A", "## H\n\nOther words now."))
    gone = panels.source_card(citation, 0, None)
    assert "has changed since" in changed and "Old &lt;b&gt;words" in changed
    assert "no longer in the library" in gone and "library?" not in gone


def test_plain_documents_are_marked_too() -> None:
    document = Document("a.txt", "A", "One <b>.\n\nTwo & three.", format="plain")
    drawn = document_markup(document, 0, len(document.text), (10, 13), "here")
    assert '<mark id="here">Two</mark> &amp; three.' in drawn and "<b>" not in drawn


def test_the_hostile_guide_is_text_from_end_to_end() -> None:
    drawn = markup(HOSTILE_TEXT)
    assert (
        "<script" not in re.sub(r"```.*?```", "", drawn, flags=re.S)
        and "<img" not in drawn
        and "javascript:" not in re.findall('href="(.*?)"', drawn)
    )


def test_literal_text_shows_as_written() -> None:
    assert literal("*a* :red[b] $c$") == r"\*a\* \:red\[b\] \$c\$"
