"""HTML, PDF, DOCX, CSV banks and notebooks: their text comes through, their damage is named."""

import io
import json
import re
from collections.abc import Callable, Mapping

import docx
import pytest
from pypdf import PdfReader, PdfWriter

from rag.errors import BadInput
from tests.ingest.test_load_text import read

PAGE = """<!doctype html><html><head><title>Bias and variance explained</title><meta charset="utf-8"></head><body>
<nav><ul><li><a href="/">Home</a></li><li><a href="/blog">All posts</a></li></ul></nav>
<div class="cookie-banner">We use cookies to improve your experience. <button>Accept all cookies</button></div>
<main><article><h1>Bias and variance explained</h1>
<p>Bias is the error that stays however much data there is, because the model cannot take the shape of the truth.</p>
<h2>How to tell them apart</h2>
<p>Compare the error on the training set with the error on held-out data: a large gap is variance.</p>
<ul><li>High training error means bias, so use a richer model.</li><li>A large gap means variance, so add data.</li></ul>
<pre><code>gap = test_error - train_error</code></pre>
<table><tr><th>Symptom</th><th>Cure</th></tr><tr><td>underfitting</td><td>more features</td></tr></table>
</article></main>
<aside>Related posts: Ten tricks you must know</aside>
<footer>© 2024 Example Inc. All rights reserved. Privacy policy</footer></body></html>"""


@pytest.mark.parametrize("page", [PAGE, PAGE.replace("\n", "")], ids=["lines", "one line"])
def test_html_keeps_the_article_and_loses_the_page_around_it(page: str) -> None:
    document = read(page, "page.html")
    assert document.title == "Bias and variance explained"
    for kept in (
        "cannot take the shape",
        "How to tell them apart",
        "a large gap is variance",
        "add data",
        "test_error",
        "underfitting",
    ):
        assert kept in document.text
    for junk in ("Home", "All posts", "cookies", "Ten tricks", "All rights reserved"):
        assert junk not in document.text
    assert not document.lines_match_file


@pytest.mark.parametrize("charset", ["iso-8859-1", "undefined", "hex", "idna"])
def test_a_page_that_names_a_wrong_or_foolish_charset_is_still_read(charset: str) -> None:
    page = PAGE.replace("utf-8", charset).replace("richer", "naïver")
    assert "naïver model" in read(page.encode("latin-1"), "page.htm").text


def test_html_without_an_article_is_named() -> None:
    with pytest.raises(BadInput, match="no article found in the page"):
        read("<html><body><script>track()</script><nav></nav></body></html>", "page.html")


def pdf(*lines: str, title: str = "") -> bytes:
    """The smallest honest PDF: one page, one font, these lines of text."""
    shown = " T* ".join(f"({line}) Tj" for line in lines)
    stream = f"BT /F1 12 Tf 14 TL 72 720 Td {shown} ET".encode("latin-1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Title (%s) >>" % title.encode("latin-1"),
    ]
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 7\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer << /Size 7 /Root 1 0 R /Info 6 0 R >>\nstartxref\n%d\n%%%%EOF\n" % table
    return bytes(out)


def locked(password: str) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("Secret text."))))
    writer.encrypt(user_password=password, owner_password="owner", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_pdf_text_comes_through_with_hyphenated_words_made_whole() -> None:
    document = read(pdf("Gradient boost-", "ing fits residuals.", "Stochastic.", title="Boosting"), "boosting.pdf")
    assert document.title == "Boosting"
    assert "Gradient boosting fits residuals." in document.text
    assert document.format == "plain"


def test_a_pdf_locked_with_an_empty_password_opens_and_another_is_named() -> None:
    assert "Secret text." in read(locked(""), "open.pdf").text
    with pytest.raises(BadInput, match=r"^encrypted PDF$"):
        read(locked("word"), "locked.pdf")


@pytest.mark.parametrize("password", ["", "word"])
def test_a_pdf_locked_with_a_cipher_this_machine_lacks_is_called_encrypted_not_damaged(password: str) -> None:
    data = locked(password)
    aes = re.sub(rb"/V 2\b", b"/V 4 /CF << /StdCF << /CFM /AESV2 /Length 16 >> >> /StmF /StdCF /StrF /StdCF", data)
    assert aes != data
    with pytest.raises(BadInput, match=r"^encrypted PDF$"):
        read(aes, "locked.pdf")


@pytest.mark.parametrize("data", [b"%PDF-1.4 cut short", b"not a pdf at all", pdf("x")[:200]], ids=["cut", "text", "half"])
def test_a_damaged_pdf_is_named(data: bytes) -> None:
    with pytest.raises(BadInput, match=r"^damaged PDF \("):
        read(data, "damaged.pdf")


def test_a_scanned_pdf_without_text_is_named() -> None:
    with pytest.raises(BadInput, match="no text in the PDF"):
        read(pdf(""), "scan.pdf")


def word_file() -> bytes:
    source = docx.Document()
    source.core_properties.title = "Sampling"
    source.add_heading("Sampling", 0)
    source.add_heading("Ways to sample", 2)
    source.add_paragraph("There are two.")
    source.add_paragraph("stratified", style="List Bullet")
    source.add_paragraph("clustered", style="List Bullet")
    table = source.add_table(rows=2, cols=2)
    for cell, text in zip((cell for row in table.rows for cell in row.cells), ("kind", "cost", "a|b", "low"), strict=True):
        cell.text = text
    source.add_paragraph("The end.")
    out = io.BytesIO()
    source.save(out)
    return out.getvalue()


def test_docx_keeps_headings_lists_and_tables_in_order() -> None:
    document = read(word_file(), "sampling.docx")
    assert document.title == "Sampling"
    assert document.text == (
        "# Sampling\n\n## Ways to sample\n\nThere are two.\n\n- stratified\n- clustered\n\n"
        "| kind | cost |\n| --- | --- |\n| a\\|b | low |\n\nThe end."
    )


@pytest.mark.parametrize("damage", [lambda data: b"PK nonsense", lambda data: data[: len(data) // 2]], ids=["text", "half"])
def test_a_damaged_docx_is_named(damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(BadInput, match=r"^damaged DOCX \("):
        read(damage(word_file()), "damaged.docx")


@pytest.mark.parametrize(
    "bank",
    [
        'Question,Topic,Answer\n"What is AUC, really?",metrics,"The area; under the ""ROC"" curve.\nBetween 0 and 1."\n'
        "Why?,,Because; so; it; is;\nNo answer,,\n",
        'question;answer;topic\n"What is AUC, really?";"The area; under the ""ROC"" curve.\nBetween 0 and 1.";metrics\n'
        'Why?;"Because; so; it; is;";\nNo answer;;\n',
        "Q\tTopic\tA\n"
        'What is AUC, really?\tmetrics\t"The area; under the ""ROC"" curve.\nBetween 0 and 1."\nWhy?\t\tBecause; so; it; is;\n',
    ],
    ids=["comma", "semicolon", "tab"],
)
def test_a_question_bank_becomes_a_heading_and_an_answer_for_each_row(bank: str) -> None:
    document = read(bank, "bank.csv")
    assert document.text.split("## ")[1:] == [
        'What is AUC, really?\n\nThe area; under the "ROC" curve.\nBetween 0 and 1.\n\n'
        + ("topic" if "topic" in bank else "Topic")
        + ": metrics\n\n",
        "Why?\n\nBecause; so; it; is;",
    ]


def test_a_bank_with_other_column_names_loses_nothing() -> None:
    document = read("frage,antwort,stufe\nWas ist Drift?,Die Daten wandern,leicht\n", "bank.csv")
    assert document.text == "## Was ist Drift?\n\nantwort: Die Daten wandern. stufe: leicht"


def test_ragged_rows_and_a_header_alone_do_not_break_a_bank() -> None:
    assert "A1" in read("question,answer\nQ1?,A1,extra,more\nQ2?\n", "bank.csv").text
    assert read("\n\nquestion,answer\nQ1?,A1\n", "bank.csv").text == "## Q1?\n\nA1"
    with pytest.raises(BadInput, match="no text in it"):
        read("question,answer\n", "bank.csv")


def notebook(*cells: dict[str, object]) -> str:
    return json.dumps({"cells": list(cells), "nbformat": 4, "metadata": {}}, indent=1)


def code(source: str | list[str], *outputs: Mapping[str, object]) -> dict[str, object]:
    return {"cell_type": "code", "source": source, "outputs": list(outputs)}


def test_a_notebook_keeps_markdown_code_and_what_it_printed() -> None:
    document = read(
        notebook(
            code("# imports\nimport numpy"),
            {"cell_type": "markdown", "source": ["# Gradient\n", "descent"]},
            code(["x = 1\n", "print(x)"], {"output_type": "stream", "text": ["1\n"]}),
            code(""),
        ),
        "lesson.ipynb",
    )
    assert document.title == "Gradient"
    assert document.text == (
        "```python\n# imports\nimport numpy\n```\n\n# Gradient\ndescent\n\n```python\nx = 1\nprint(x)\n```\n\n```output\n1\n```"
    )


def test_a_notebook_with_a_large_picture_inside_is_not_one_endless_line() -> None:
    picture = {"output_type": "display_data", "data": {"image/png": "iVBOR" * 100_000}}
    assert "plot(x)" in read(notebook(code("plot(x)", picture)), "plot.ipynb").text


def test_characters_that_no_store_can_hold_are_replaced_not_fatal() -> None:
    text = read(notebook({"cell_type": "markdown", "source": "zero \0 half \ud83d end"}), "odd.ipynb").text
    assert text.encode().startswith(b"zero ")
    assert "\0" not in text and text.endswith("end")


@pytest.mark.parametrize("data", ["{}", "[1]", "not json", '{"cells": 1}', '{"cells": ["x"]}', "[" * 100_000])
def test_what_is_no_notebook_is_named(data: str) -> None:
    with pytest.raises(BadInput, match="not a Jupyter notebook"):
        read(data, "broken.ipynb")
