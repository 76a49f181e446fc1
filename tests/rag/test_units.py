"""A passage cut into sentences and whole blocks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.sentences import sentence_spans
from rag.units import Kind, Unit, units

LINES = st.sampled_from(
    [
        "",
        "Skew is a mismatch. It raises no exception.",
        "See e.g. Rule 29 and `df.head(). Next` here.",
        "- item one",
        "  - nested item",
        "  more of the item",
        "1. step",
        "10) step",
        "| a | b |",
        "|---|---|",
        "```python",
        "```",
        "~~~",
        "x = 1. Then",
        "$$",
        "$$ a = b $$",
        "## Heading",
        "It ends here:",
        "\t",
        "**",
        "-",
        "é… ß\u2028z",
        "a\r",
        "\x0bb",
    ]
)
TEXTS = st.one_of(st.lists(LINES, max_size=14).map("\n".join), st.text(max_size=200))


@given(TEXTS)
def test_units_never_overlap_run_backwards_or_misquote(text: str) -> None:
    position = 0
    for unit in units(text):
        assert position <= unit.start < unit.end <= len(text)
        assert text[unit.start : unit.end] == unit.text
        assert unit.text.strip()
        position = unit.end


@given(TEXTS)
def test_items_lie_in_order_inside_their_list_and_start_at_a_marker(text: str) -> None:
    for unit in units(text):
        position = unit.start
        for start, end in unit.items:
            assert position <= start < end <= unit.end
            assert text[start] in "-*+0123456789"
            position = end
        assert bool(unit.items) == (unit.kind == "list")


@given(TEXTS)
def test_sentences_never_overlap_and_lose_only_white_space(text: str) -> None:
    position = 0
    for start, end in sentence_spans(text):
        assert not text[position:start].strip()
        assert start < end
        position = end
    assert not text[position:].strip()


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Use a rank metric, e.g. NDCG, for search.",
        "The split (i.e. The time-based one) holds.",
        "Compare L1 vs. L2 penalties.",
        "Sculley et al. The authors call it debt.",
        "AUC was 0.85 on Monday and 3.5 % lower later.",
        "Call `model.eval(). Then` before scoring.",
        "Set `lr=1. B` first and it works.",
        "Version 1.2. is not 1.3 at all",
        "It rose to 5.6.7 somehow",
        "The loss is fine... and then it is not.",
        "what? no",
    ],
)
def test_no_sentence_ends_at_an_abbreviation_a_decimal_or_inside_code(text: str) -> None:
    assert sentences(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ('He said "go." Then he left.', ['He said "go."', "Then he left."]),
        ("It ends (here). (It starts again.)", ["It ends (here).", "(It starts again.)"]),
        ("Run `fit()`. `Pipeline` comes later. Good.", ["Run `fit()`.", "`Pipeline` comes later.", "Good."]),
        ("**Bold ends.** Next.", ["**Bold ends.**", "Next."]),
        ("It cost 5. 3 were lost.", ["It cost 5.", "3 were lost."]),
        ("Wrapped\nline. Next\nline.", ["Wrapped\nline.", "Next\nline."]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def shapes(text: str) -> list[tuple[Kind, str]]:
    return [(unit.kind, unit.text) for unit in units(text)]


LIST = "- first item. It has two sentences.\n- second\n  goes on\n  - nested\n- third"
TABLE = "| a | b |\n|---|---|\n| 1. One | 2 |"
CODE = '```python\nx = 1\n\n# Not a heading. Nor a sentence.\nprint("- no item")\n```'
TILDES = "~~~\n```\nstill code\n~~~"
FORMULA = "$$\na = b.\n\nc\n$$"


@pytest.mark.parametrize(
    ("kind", "block"),
    [("list", LIST), ("table", TABLE), ("code", CODE), ("code", TILDES), ("formula", FORMULA), ("formula", "$$ x $$")],
)
@pytest.mark.parametrize("gap", ["\n\n", "\n"])
def test_a_block_stays_whole_between_sentences(kind: Kind, block: str, gap: str) -> None:
    if kind == "list" and gap == "\n":
        gap = "\n\n"  # a plain line goes on the last item
    assert shapes(f"Before.{gap}{block}{gap}After.") == [("sentence", "Before."), (kind, block), ("sentence", "After.")]


def test_a_list_may_follow_its_announcement_without_a_blank_line() -> None:
    announcement, block = units("Three kinds:\n- one\n- two")
    assert block.kind == "list" and announcement.announces(block) and not block.announces(announcement)


@pytest.mark.parametrize(
    ("sentence", "announces"),
    [
        ("Check these:", True),
        ("A feature store has four parts.", True),
        ("Try them in this order.", True),
        ("Act when the probability exceeds", True),
        ("Decay stays silent for three reasons.", True),
        ("Check in this order, and change one thing at a time.", True),
        ("You are ready when these timed checks succeed without notes.", True),
        ("Defend in layers, starting with…", True),
        ("Skew is a difference between two pipelines.", False),
        ("It takes four weeks; most people stop there.", False),
    ],
)
def test_a_sentence_that_needs_its_list_is_not_left_without_it(sentence: str, announces: bool) -> None:
    first, block, last = units(f"{sentence}\n\n- one\n- two\n\nAnd so on.")
    assert first.announces(block) == announces
    assert not first.announces(last), "a sentence after it is not what is announced"


@pytest.mark.parametrize(
    ("sentence", "announces"), [("Take 20 million passages.", True), ("Suppose x is 3.", True), ("Take your time.", False)]
)
def test_the_numbers_of_an_example_are_not_left_without_what_comes_of_them(sentence: str, announces: bool) -> None:
    first, then, _ = units(f"{sentence} They need 82 GB.\n\n- or more")
    assert first.announces(then) == announces


def test_an_unclosed_code_block_is_not_taken_for_prose() -> None:
    assert [unit for unit in units("Before.\n\n```python\nx = 1. Then") if "x = 1" in unit.text and unit.kind != "code"] == []


def items(text: str) -> list[str]:
    (unit,) = units(text)
    return [text[start:end] for start, end in unit.items]


def test_nested_items_and_wrapped_lines_belong_to_their_top_item() -> None:
    assert items(LIST) == ["- first item. It has two sentences.", "- second\n  goes on\n  - nested", "- third"]


def test_numbered_items_keep_their_numbers_and_may_pass_nine() -> None:
    assert items("9. nine\n10. ten\n   - inner\n11) eleven") == ["9. nine", "10. ten\n   - inner", "11) eleven"]


def test_an_indented_list_has_its_least_indented_items_as_top_items() -> None:
    assert items("  - one\n    - inner\n  - two") == ["- one\n    - inner", "- two"]


def test_headings_and_blank_lines_belong_to_no_unit() -> None:
    assert shapes("## Title\n\n\nText.\n### Deeper. Title\n") == [("sentence", "Text.")]


def test_two_paragraphs_are_told_apart_so_that_an_answer_keeps_the_break() -> None:
    assert [unit.paragraph for unit in units("One. Two.\n\nThree.")] == [0, 0, 1]


@pytest.mark.parametrize(
    "text", ["It does.", "This is why.", "For example, x.", "However, y.", "The former wins.", '"A quote opens."']
)
def test_a_sentence_that_leans_on_the_one_before_is_known_by_its_opening(text: str) -> None:
    assert sentence(text).leans


@pytest.mark.parametrize(
    "text", ["Items matter.", "Thistles grow.", "Italy won.", "Buttons work.", "Sober people.", "Nextcloud runs."]
)
def test_a_word_that_only_begins_like_a_leaning_one_does_not_lean(text: str) -> None:
    assert not sentence(text).leans


def sentence(text: str) -> Unit:
    (unit,) = units(text)
    return unit


def test_a_list_too_long_for_a_short_answer_is_cut_between_its_items_and_not_lost() -> None:
    (items,) = units("1. Check the batch.\n2. Check the weights.\n3. Print the norms of the last steps.\n")
    shorter = items.cut(8)
    assert (shorter.text, len(shorter.items)) == ("1. Check the batch.\n2. Check the weights.", 2)
    assert items.cut(7) == items and items.cut(100) == items
