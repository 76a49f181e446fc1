"""Numbers that resolve to exact spans."""

import re
from dataclasses import replace

import pytest

from rag.cite import NOT_ANSWERED, Cited, Section, Segment, plain, resolve
from rag.types import Passage, Source
from rag.units import units

BODY = """Skew is a [mismatch](../data/leakage.md) between
two paths. It raises no exception.

Three kinds:

- **Schema**: a column is [missing](x.md).
  - nested detail
- **Feature**: the value differs.

| a | b |
|---|---|
| 1 | 2 |

```python
x = [1](2)
```

Last words."""
DOCUMENT = "# Title\n\n" + BODY + "\n"
PASSAGE = Passage(
    "p", (0,), BODY, (Source("corpus/a.md", "Guide A", "data", 9, 9 + len(BODY), ("Guide A", "What is skew?"), 12),)
)
OTHER = replace(PASSAGE, id="q", sources=(replace(PASSAGE.source, doc_id="corpus/b.md", line=None),))
UNITS = units(BODY)
KINDS = [unit.kind for unit in UNITS]


def segment(first: int, last: int, passage: Passage = PASSAGE) -> Segment:
    return Segment(passage, UNITS[first : last + 1])


def cited(*segments: Segment) -> Cited:
    return resolve([Section("", segments)])


def test_the_sample_holds_every_kind_so_that_no_test_here_passes_by_luck() -> None:
    assert KINDS == ["sentence", "sentence", "sentence", "list", "table", "code", "sentence"]


@pytest.mark.parametrize("first", range(len(UNITS)))
@pytest.mark.parametrize("length", [0, 1, 6])
def test_a_quote_is_exactly_the_documents_own_span(first: int, length: int) -> None:
    (citation,) = cited(segment(first, first + length)).citations
    assert citation.quote == DOCUMENT[citation.start : citation.end]
    assert citation.quote.startswith(UNITS[first].text)


def test_every_number_in_the_text_has_a_citation_and_every_citation_a_number() -> None:
    result = cited(segment(0, 1), segment(3, 3, OTHER), segment(6, 6))
    assert [citation.number for citation in result.citations] == [1, 2, 3]
    assert [citation.doc_id for citation in result.citations] == ["corpus/a.md", "corpus/b.md", "corpus/a.md"]
    assert re.findall(r"\[(\d+)\]", result.text) == ["1", "1", "2", "2", "2", "3"]


def test_each_sentence_of_a_paragraph_ends_in_its_number_and_the_paragraph_stays_one_line() -> None:
    assert cited(segment(0, 1)).text == "Skew is a mismatch between two paths. [1] It raises no exception. [1]"


def test_sentences_of_different_paragraphs_or_passages_are_not_run_together() -> None:
    assert cited(segment(1, 2)).text == "It raises no exception. [1]\n\nThree kinds: [1]"
    assert cited(segment(6, 6), segment(6, 6, OTHER)).text == "Last words. [1]\n\nLast words. [2]"


def test_each_sentence_of_an_item_carries_its_number_and_the_nested_item_its_own() -> None:
    text = cited(segment(3, 3)).text
    assert text == "- **Schema**: a column is missing. [1]\n  - nested detail [1]\n- **Feature**: the value differs. [1]"


def test_tables_and_code_are_quoted_verbatim_with_the_number_outside() -> None:
    text = cited(segment(4, 5)).text
    assert text == f"{UNITS[4].text}\n\n[1]\n\n```python\nx = [1](2)\n```\n\n[1]"


@pytest.mark.parametrize(("first", "line"), [(0, 12), (1, 13), (3, 17), (6, 29)])
def test_the_place_names_the_line_on_which_the_quote_starts(first: int, line: int) -> None:
    (citation,) = cited(segment(first, first)).citations
    assert citation.place == f"corpus/a.md:{line}"
    assert citation.quote.split("\n")[0].split(".")[0] in BODY.split("\n")[line - 12]


def test_a_source_without_line_numbers_is_named_without_one() -> None:
    (citation,) = cited(segment(0, 0, OTHER)).citations
    assert citation.place == "corpus/b.md"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see [leakage](../data/leakage.md) now", "see leakage now"),
        ("two [a](b) [c](d#e)", "two a c"),
        ("an image ![chart](c.png)", "an image chart"),
        ("wrapped\n  line", "wrapped line"),
        ("an index x[1] stays", "an index x[1] stays"),
    ],
)
def test_links_are_reduced_to_their_words_and_wraps_joined(text: str, expected: str) -> None:
    assert plain(text) == expected


def test_each_part_of_a_question_stands_over_its_answer_and_numbers_run_on() -> None:
    result = resolve([Section("What is skew?", (segment(0, 0),)), Section("And drift?", ()), Section("Last?", (segment(6, 6),))])
    assert result.text == (
        "**What is skew?**\n\nSkew is a mismatch between two paths. [1]\n\n"
        f"**And drift?**\n\n{NOT_ANSWERED}\n\n**Last?**\n\nLast words. [2]"
    )
