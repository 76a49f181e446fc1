"""Text files: every encoding, front matter in any state, MDX, and pages scraped to text."""

import codecs
from pathlib import Path

import pytest

from ingest.load import load
from rag.errors import BadInput
from rag.types import Document

BODY = "# Café\n\nNaïve “Bayes” – x ≤ 1 €.\n"


def read(content: str | bytes, name: str = "guide.md") -> Document:
    return load(Path(name), name, content if isinstance(content, bytes) else content.encode())


@pytest.mark.parametrize(
    "data",
    [
        BODY.encode(),
        codecs.BOM_UTF8 + BODY.encode(),
        codecs.BOM_UTF16_LE + BODY.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + BODY.encode("utf-16-be"),
        BODY.encode("utf-16-le"),
        BODY.encode("utf-16-be"),
        BODY.replace("\n", "\r\n").encode(),
        BODY.replace("\n", "\r").encode(),
    ],
    ids=["utf-8", "utf-8-bom", "utf-16-le-bom", "utf-16-be-bom", "utf-16-le", "utf-16-be", "crlf", "cr"],
)
def test_every_encoding_gives_the_same_text_without_its_mark(data: bytes) -> None:
    document = read(data)
    assert document.text == BODY
    assert document.title == "Café"


def test_latin_1_is_read_and_windows_quotes_too() -> None:
    assert read("Café naïve".encode("latin-1")).text == "Café naïve"
    assert read("“Café”".encode("cp1252")).text == "“Café”"


def test_front_matter_becomes_fields_and_stays_out_of_the_body() -> None:
    text = "---\ntitle: Drift\narea: Systems\nroles: [MLE, ds]\nlevel: Core\naliases: a, B\n---\n\n# Other\n\nBody.\n"
    document = read(text)
    assert (document.title, document.area, document.roles) == ("Drift", "systems", ("mle", "ds"))
    assert (document.level, document.aliases) == ("core", ("a", "b"))
    assert document.text == text, "line numbers must stay the file's"
    assert document.text[document.body_start :].strip() == "# Other\n\nBody."


@pytest.mark.parametrize("fields", ["title: [unclosed", "date: 2024-02-30", "a: b: c", "? [x]\n: y\n[x]: z"])
def test_front_matter_that_is_not_valid_yaml_costs_its_fields_not_the_guide(fields: str) -> None:
    document = read(f"---\n{fields}\n---\n# Real title\n\nBody.\n")
    assert document.title == "Real title"
    assert "Body." in document.text[document.body_start :]


@pytest.mark.parametrize("start", ["", "---\ntitle: x\n\n", "---\nJust prose between rules.\n---\n"])
def test_a_body_without_front_matter_or_with_an_unclosed_one_is_kept_whole(start: str) -> None:
    document = read(f"{start}# Real title\n\nBody.\n")
    assert document.title == "Real title"
    assert document.text[document.body_start :].startswith(start)


def test_a_comment_in_code_is_not_the_title() -> None:
    assert read("Intro.\n\n```sh\n# install it\n```\n\n# Real title\n").title == "Real title"
    assert read("Intro.\n\n```sh\n# install it\n```\n", "my-notes.md").title == "My notes"


def test_html_comments_go_but_lines_stay_and_code_keeps_its_own() -> None:
    text = "One\n<!-- a\nb -->\nTwo\n\n```html\n<!-- shown -->\n```\n"
    assert read(text).text == "One\n\n\nTwo\n\n```html\n<!-- shown -->\n```\n"


def test_mdx_loses_imports_and_components_and_keeps_prose_code_and_lines() -> None:
    text = (
        "---\ntitle: T\n---\nimport Tabs from '@theme/Tabs'\nimport {\n  A,\n} from './b'\n\n"
        "export const meta = {\n  a: 1,\n}\n\n"
        '# Head\n\n<Tabs value="x"\n  other>\n\nYou must\nexport it to ONNX, or `List<Item>`.\n\n</Tabs>\n\n{/* gone */}\n\n'
        "Then `torch`\nimport order counts.\n\n```js\nimport x from 'y'\nconst a = <Tabs/>\n```\n\nLast line.\n"
    )
    document = read(text, "guide.mdx")
    for junk in ("@theme", "A,", "./b", "meta", "a: 1", "value=", "gone"):
        assert junk not in document.text
    for kept in (
        "export it to ONNX, or `List<Item>`.",
        "import order counts.",
        "import x from 'y'\nconst a = <Tabs/>",
        "Last line.",
    ):
        assert kept in document.text
        assert document.text.count("\n", 0, document.text.index(kept)) == text.count("\n", 0, text.index(kept))


SCRAPED = """Skip to content
Menu
Home › Blog › Statistics
Log in | Register
Share on Twitter
5 min read

What is a p-value?

P(A | B) = P(B | A) P(A) / P(B) is another matter.

Cookies expire, so an experiment counts one visitor twice.

Subscribers churn when the price goes up, and that is no tail of this page.

x > 0 means that the effect is positive.

Search engines rank pages.

A p-value is the probability of data at least this extreme if the null hypothesis holds.

Leave a comment
Your email address will not be published.
Bob says: first!
"""


def test_a_scraped_page_loses_menus_and_comments_and_keeps_every_line_of_the_article() -> None:
    document = read(SCRAPED, "page.txt")
    assert document.title == "What is a p-value?"
    article = SCRAPED[SCRAPED.index("What is") : SCRAPED.index("Leave a comment")]
    assert document.text.strip() == article.strip()
    line = document.text.count("\n", 0, document.text.index("A p-value is"))
    assert line == SCRAPED.count("\n", 0, SCRAPED.index("A p-value is"))


def test_a_text_that_speaks_of_comments_early_on_is_not_cut_there() -> None:
    text = "Leave a comment\n\n" + "The article goes on after the button. " * 20
    assert "goes on" in read(text, "page.txt").text


def test_long_runs_of_blank_lines_do_not_make_loading_quadratic() -> None:
    text = "First line.\n" + "\n" * 150_000 + "Last line.\n"
    assert read(text, "page.txt").text == text


def test_a_text_file_with_headings_is_markdown() -> None:
    assert read("# One\n\ntext\n", "a.txt").format == "markdown"
    assert read("One\n\ntext\n", "a.txt").format == "plain"


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("empty.md", b"", "empty"),
        ("blank.md", b" \n\t\r\n", "empty"),
        ("fields-only.md", b"---\ntitle: x\n---\n\n", "no text in it"),
        ("comment.md", b"<!-- nothing -->", "no text in it"),
        ("marks.md", codecs.BOM_UTF8 + b"\n", "no text in it"),
        ("picture.md", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 8, "binary, not text"),
        ("noise.md", bytes(range(1, 32)) * 40, "binary, not text"),
        ("line.md", b"word " * 600_000, "one line of 3,000,000 characters"),
        ("film.mov", b"x", "not a format Prep RAG reads (.mov)"),
        ("Makefile", b"x", "not a format Prep RAG reads (no suffix)"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_bad_input_is_refused_with_its_reason(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(data, name)
    assert str(caught.value) == reason


def test_asks_belong_to_the_heading_above_them() -> None:
    asks = b"## What is drift?\r\n- Why, really?\n+  no\n\n### 3: when\n - How?\n"
    assert load(Path("a.pdf.md"), "a.pdf.md", b"Body.", asks).asks == {
        "What is drift?": ("why, really?", "+ no"),
        "3: when": ("how?",),
    }


@pytest.mark.parametrize("asks", [b"", b"\n\n", b"why?", b"## H", b"## H\n-\n- \nwhy", b"- \n## "])
def test_asks_of_another_shape_are_left_out_and_the_guide_kept(asks: bytes) -> None:
    document = load(Path("a.md"), "a.md", b"Body.", asks)
    assert (document.text, document.asks) == ("Body.", {})


@pytest.mark.parametrize("title", ['"  "', "[a, b]", "{a: b}", "", '"\\0"'])
def test_a_title_that_is_none_leaves_the_guide_the_name_of_its_heading_or_file(title: str) -> None:
    assert read(f"---\ntitle: {title}\n---\n# Drift\n\nBody.\n").title == "Drift"
    assert read(f"---\ntitle: {title}\n---\nBody.\n").title == "Guide"


def test_fields_are_taken_as_typed_and_hold_no_half_characters() -> None:
    document = read('---\ntitle: 1.0\nlevel: No\naliases: [2024-02-30, "x\\uD800y"]\n---\nBody.\n')
    assert (document.title, document.level, document.aliases) == ("1.0", "no", ("2024-02-30", "x\ufffdy"))


def test_a_field_that_unfolds_into_billions_costs_nothing() -> None:
    bomb = "\n".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9) if n else 'lol'}]" for n in range(12))
    assert read(f"---\n{bomb}\ntitle: *x11\n---\nBody.\n").title == "Guide"
