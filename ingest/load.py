"""A file to a `Document`, or a `BadInput` whose message is the reason shown to the person who ingests."""

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from rag.errors import BadInput
from rag.types import Document

LONGEST_FILE = 50_000_000
LONGEST_LINE = 200_000
QUESTION_COLUMNS = ("question", "prompt", "q", "title")
ANSWER_COLUMNS = ("answer", "response", "solution", "explanation", "a")


def load(path: Path, doc_id: str, data: bytes, asks: bytes = b"") -> Document:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise BadInput(f"not a format Prep RAG reads ({path.suffix or 'no suffix'})")
    if len(data) > LONGEST_FILE:
        raise BadInput(f"larger than {LONGEST_FILE // 1_000_000} MB")
    if not data.strip():
        raise BadInput("empty")
    document = reader(data, doc_id)
    if not document.text[document.body_start :].strip():
        raise BadInput("no text in it")
    return replace(document, asks=read_asks(asks))


def decode(data: bytes) -> str:
    """UTF-8, UTF-16 or Latin-1, with or without a byte order mark; line ends become `\\n`."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", errors="replace")
    elif data[1:400:2].count(0) > 0.6 * len(data[1:400:2]):
        text = data.decode("utf-16-le", errors="replace")
    elif data[0:400:2].count(0) > 0.6 * len(data[0:400:2]):
        text = data.decode("utf-16-be", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
    strange = sum(1 for character in text[:20_000] if (character < " " and character not in "\t\n\r\f") or character == "\ufffd")
    if "\0" in text or strange > 0.02 * min(len(text), 20_000):
        raise BadInput("binary, not text")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n")
    longest = max(map(len, text.split("\n")))
    if longest > LONGEST_LINE:
        raise BadInput(f"one line of {longest:,} characters")
    return text


def name_of(doc_id: str) -> str:
    return Path(doc_id).stem.replace("-", " ").replace("_", " ").strip().capitalize() or doc_id


def converted(doc_id: str, text: str, title: str = "", **fields: Any) -> Document:
    """A document whose text we wrote from the file, so its lines are not the file's."""
    return Document(doc_id, storable(title) or name_of(doc_id), storable(text), lines_match_file=False, **fields)


def storable(text: str) -> str:
    """PDFs and notebooks can smuggle in half characters and NUL, which no database takes."""
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def read_markdown(data: bytes, doc_id: str) -> Document:
    text = decode(data)
    meta, body_start = front_matter(text)
    body = blank(text[body_start:], re.compile(r"<!--.*?-->", re.S))
    if doc_id.lower().endswith(".mdx"):
        body = blank(f"\n\n{body}", ESM_OR_JSX)[2:]  # imports stand after a blank line, or first of all
    text = text[:body_start] + body
    title = first_heading(body)
    return Document(
        id=doc_id,
        title=line_of(meta.get("title")) or title or name_of(doc_id),
        text=text,
        body_start=body_start,
        area=line_of(meta.get("area")).lower(),
        roles=strings(meta.get("roles")),
        level=line_of(meta.get("level")).lower(),
        aliases=strings(meta.get("aliases")),
    )


def front_matter(text: str) -> tuple[dict[str, Any], int]:
    """(fields, where the body starts). Fields that are not valid YAML are left out; the guide itself is kept."""
    match = re.match(r"---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", text, re.S | re.M)
    if not match:
        return {}, 0
    try:
        fields = yaml.load(match.group(1), yaml.BaseLoader)  # every value as it is typed: "no" is a word, 1.0 keeps its nought
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}, match.end()
    return (fields, match.end()) if isinstance(fields, dict) else ({}, 0 if fields else match.end())


def strings(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else line_of(value).split(",")
    return tuple(line.lower() for line in map(line_of, values) if line)


def line_of(value: Any) -> str:
    """A field as one line of text; a list or mapping in its place is left out."""
    return " ".join(storable(value).split()) if isinstance(value, str) else ""


CODE = re.compile(r"(^[ \t]*(?:```|~~~).*?^[ \t]*(?:```|~~~)[^\n]*$|`[^`\n]+`)", re.S | re.M)
ESM_OR_JSX = re.compile(
    r"(?<=\n\n)(?:import|export)\b[^\n]*(?:\n[ \t]*\S[^\n]*)*|</?[A-Z][\w.]*(?:\s[^<>]*)?/?>|\{/\*.*?\*/\}", re.S
)


def blank(text: str, pattern: re.Pattern[str]) -> str:
    """Remove what matches outside code but keep its line breaks, so that line numbers stay the file's."""
    parts = CODE.split(text)
    parts[::2] = [pattern.sub(lambda match: "\n" * match.group().count("\n"), part) for part in parts[::2]]
    return "".join(parts)


def read_asks(data: bytes) -> dict[str, tuple[str, ...]]:
    """By heading, how people ask for its section: `## heading`, then a line `- ask` for each.

    `+ ask` is a broad question that another section leads the answer to; it keeps its sign.
    """
    asks: dict[str, list[str]] = {}
    heading = ""
    for line in storable(decode(data)).splitlines():
        mark, _, words = line.strip().partition(" ")
        if mark.startswith("#"):
            heading = words.strip()
        elif mark in ("-", "+") and words.strip():
            asks.setdefault(heading, []).append(f"{mark} {words.strip().lower()}".removeprefix("- "))
    return {heading: tuple(items) for heading, items in asks.items()}


def first_heading(text: str) -> str:
    """The first `# heading` that is no comment in code."""
    heading = re.search(r"^#[ \t]+(.+)$", "".join(CODE.split(text)[::2]), re.M)
    return heading.group(1).strip(" \t#") if heading else ""


SITE_CHROME = re.compile(
    r"(?i)^(skip to (main )?content|menu|home|log ?in|sign ?(in|up)|register|search\W*|share( this| on \w+)?|tweet|"
    r"toggle navigation|subscribe( (now|to|for)\b.{0,50})?|(we use )?cookies?( (policy|settings|preferences|notice).{0,50})?|"
    r"accept( all)?( cookies)?|about( us)?|contact( us)?|privacy( policy)?|terms( of (use|service))?|"
    r"advertisement|all rights reserved.*|(copyright )?©.*|copyright (\(c\) )?\d{4}.*|\d+ min(ute)? read|table of contents|"
    r"back to top|(next|previous)( post)?\W*|"
    r"[^\W\d][\w'’& -]{0,30}( [|›»•·] [\w'’& -]{1,60}){1,}|"
    r"[^\W\d][\w'’& -]{0,30}( > [\w'’& -]{1,60}){2,})$"
)
SITE_TAIL = re.compile(
    r"(?im)^[^\w\n]*(leave a (comment|reply)|\d+ (comments?|responses?|replies)\b.*|post a comment|related (posts|articles)"
    r"|you (may|might) also like"
    r"|about the author|your email address will not be published.*|join the discussion|filed under:?.*)[^\w\n]*$"
)


def read_plain(data: bytes, doc_id: str) -> Document:
    """Plain text; of a page scraped to text, the article without its menus and comments."""
    text = decode(data)
    tail = SITE_TAIL.search(text, len(text) // 4)
    if tail:
        text = text[: tail.start()]
    text = "\n".join("" if SITE_CHROME.match(line.strip()) else line for line in text.split("\n"))
    is_markdown = re.search(r"^#{1,6} \S", text, re.M) is not None
    first = next((line.strip("# ").strip() for line in text.split("\n") if line.strip()), "")
    title = first if 0 < len(first) <= 100 and first[-1] not in ".:;," else name_of(doc_id)
    return Document(doc_id, title, text, format="markdown" if is_markdown else "plain")


def read_html(data: bytes, doc_id: str) -> Document:
    import trafilatura

    page = decode_html(data)
    text = trafilatura.extract(page, output_format="markdown", include_tables=True, include_comments=False, include_links=False)
    if not text:
        raise BadInput("no article found in the page")
    metadata = trafilatura.extract_metadata(page)
    return converted(doc_id, text, str(metadata.title or "") if metadata else "")


def decode_html(data: bytes) -> str:
    """A page may stand on one endless line, and may say its own encoding."""
    declared = re.search(rb"charset=[\"']?([\w-]+)", data[:2048])
    for encoding in ("utf-8-sig", declared.group(1).decode() if declared else "cp1252"):
        try:
            return data.decode("utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else encoding)
        except (UnicodeError, LookupError):
            continue
    return data.decode("latin-1")


def read_pdf(data: bytes, doc_id: str) -> Document:
    import pypdf

    try:
        pdf = pypdf.PdfReader(io.BytesIO(data))
        if pdf.is_encrypted:
            pdf.decrypt("")
        pages = [page.extract_text() for page in pdf.pages]
    except (pypdf.errors.DependencyError, pypdf.errors.FileNotDecryptedError):
        raise BadInput("encrypted PDF") from None
    except Exception as error:  # pypdf raises many kinds on damaged files
        raise BadInput(f"damaged PDF ({type(error).__name__})") from error
    text = re.sub(r"(?<=[a-z])-\n(?=[a-z])", "", "\n\n".join(pages))
    text = "".join(character for character in text if character >= " " or character in "\n\t")
    if not text.strip():
        raise BadInput("no text in the PDF (a scan?)")
    title = str((pdf.metadata and pdf.metadata.title) or "").strip()
    return converted(doc_id, text, title, format="plain")


def read_docx(data: bytes, doc_id: str) -> Document:
    import docx
    from docx.table import Table

    try:
        source = docx.Document(io.BytesIO(data))
    except Exception as error:  # a zip or XML error of any kind
        raise BadInput(f"damaged DOCX ({type(error).__name__})") from error
    blocks = []
    for block in source.iter_inner_content():
        if isinstance(block, Table):
            blocks.append(markdown_table([[cell.text for cell in row.cells] for row in block.rows]))
            continue
        style = (block.style.name or "") if block.style else ""
        level = re.match(r"Heading (\d)", style)
        if level or style == "Title":
            blocks.append("#" * (int(level.group(1)) if level else 1) + " " + block.text.strip())
        elif block.text.strip():
            blocks.append(("- " if "List" in style else "") + block.text.strip())
    text = re.sub(r"(?m)^(- .*)\n\n(?=- )", r"\1\n", "\n\n".join(blocks))
    return converted(doc_id, text, str(source.core_properties.title or ""))


def markdown_table(rows: list[list[str]]) -> str:
    cells = [[cell.replace("\n", " ").replace("|", "\\|").strip() for cell in row] for row in rows]
    head, *body = ["| " + " | ".join(row) + " |" for row in cells] or [""]
    return "\n".join([head, "|" + " --- |" * len(rows[0]) if rows else "", *body])


def read_csv(data: bytes, doc_id: str) -> Document:
    """A question bank: a heading for each question, its answer beneath, other columns as one line."""
    text = decode(data).strip("\n")
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=head.count)
    try:
        rows = list(csv.DictReader(io.StringIO(text), delimiter=delimiter))
    except csv.Error as error:
        raise BadInput(f"not readable as CSV ({error})") from error
    columns = {column.strip().lower(): column for column in (rows[0] if rows else {}) if column}
    question = next((columns[name] for name in (*QUESTION_COLUMNS, *columns) if name in columns), "")
    answer = next((columns[name] for name in ANSWER_COLUMNS if name in columns), "")
    parts = []
    for row in rows:
        others = [f"{c}: {row[c].strip()}" for c in row if c and c not in (question, answer) and (row[c] or "").strip()]
        body = "\n\n".join(part for part in ((row.get(answer) or "").strip(), ". ".join(others)) if part)
        if (row[question] or "").strip() and body:
            parts.append(f"## {' '.join(row[question].split())}\n\n{body}")
    return converted(doc_id, "\n\n".join(parts))


def read_notebook(data: bytes, doc_id: str) -> Document:
    try:
        cells = json.loads(data)["cells"]  # not `decode`: a picture in it may well be one endless line
        text = "\n\n".join(notebook_blocks(cells))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput("not a Jupyter notebook") from error
    return converted(doc_id, text, first_heading(text))


def notebook_blocks(cells: list[dict[str, Any]]) -> Iterator[str]:
    for cell in cells:
        source = "".join(cell.get("source", "")).strip()
        if cell.get("cell_type") == "markdown" and source:
            yield source
        elif cell.get("cell_type") == "code" and source:
            yield f"```python\n{source}\n```"
            printed = "".join("".join(output.get("text", "")) for output in cell.get("outputs", []))
            if printed.strip():
                yield f"```output\n{printed.strip()[:2000]}\n```"


READERS: dict[str, Callable[[bytes, str], Document]] = {
    ".md": read_markdown, ".markdown": read_markdown, ".mdx": read_markdown, ".txt": read_plain, ".text": read_plain,
    ".html": read_html, ".htm": read_html, ".pdf": read_pdf, ".docx": read_docx, ".csv": read_csv, ".ipynb": read_notebook,
}  # fmt: skip
