"""Text to markup, with no Streamlit in sight: markdown that cannot smuggle in HTML, quoted spans marked, numbers that link.

The markup goes through `st.markdown(…, unsafe_allow_html=True)`: everything a file, a person or a model wrote is escaped here.
Code and formulas are left as markdown between blank lines, so that Streamlit draws them with its own highlighter and KaTeX.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape as escape_html
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlencode

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from rag.types import Document

MARKER = re.compile(r"([ \t]*)\[(\d{1,3})\]")
LONE = re.compile(r"<p>(?:&nbsp;)?(<a class=\"cite\"[^>]*>\d+</a>)</p>")  # the number of a block of code, a table, a formula
HEADING = re.compile(r"^(?P<fence>```|~~~).*?^(?P=fence)|^(?P<level>#{1,6})[ \t]+(?P<title>.+?)[ \t]*#*$", re.M | re.S)
# Where a block begins with signs of its own, the mark begins after them; it ends before the signs that close one.
BLOCK_SIGNS = re.compile(r"(?:[ \t]*(?:[-*+]|\d+[.)]|#{1,6}|>)[ \t]+)+|[ \t]*\|[ \t]*|(?:```|~~~)[^\n]*\n|\$\$")
BLOCK_ENDS = re.compile(r"(?:\n(?:```|~~~)|\$\$|[ \t]*\|)\s*$")
PLAIN_BEFORE, PLAIN_AFTER = 1200, 2400  # how much of a document without headings surrounds a quote
OPEN, CLOSE = "⸨", "⸩"  # punctuation to markdown, so they change no emphasis beside them
WORDS = str.maketrans({OPEN: "(", CLOSE: ")"})
Number = Callable[[int], str | None]  # the address behind a citation's number
Place = Callable[[str], str | None]  # the address behind a link of the text


@dataclass(frozen=True)
class Section:
    level: int
    title: str
    start: int
    body: int  # where the heading ends
    end: int

    @property
    def anchor(self) -> str:
        return f"at-{self.start}"


def escape(text: str) -> str:
    """Text as HTML that Streamlit's own shorthands do not touch."""
    return escape_html(text.translate(WORDS), quote=True).replace(":material", "&#58;material")


def literal(text: str) -> str:
    """Text as Streamlit markdown that shows exactly as written."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)


def sections(document: Document) -> list[Section]:
    """The headings of a guide, each with the text it heads; a document without headings is one section."""
    found = [match for match in HEADING.finditer(document.text, document.body_start) if match["level"]]
    if document.format == "plain" or not found:
        return [Section(1, document.title, document.body_start, document.body_start, len(document.text))]
    ends = [*(match.start() for match in found[1:]), len(document.text)]
    return [
        Section(len(match["level"]), plain_words(match["title"]), match.start(), match.end(), end)
        for match, end in zip(found, ends, strict=True)
    ]


def section_at(document: Document, start: int) -> Section:
    """The section this place stands in."""
    found = sections(document)
    section = next((section for section in reversed(found) if section.start <= start), found[0])
    if document.format == "plain":  # no headings to go by: what surrounds the place
        first = max(section.start, start - PLAIN_BEFORE)
        return Section(1, document.title, first, first, min(section.end, start + PLAIN_AFTER))
    return section


def plain_words(text: str) -> str:
    return re.sub(r"[*`]", "", text)


def place_of(document: Document, start: int, end: int, quote: str) -> tuple[int, int] | None:
    """Where a quoted span stands now; None when the guide no longer says it."""
    if document.text[start:end] == quote:
        return start, end
    moved = document.text.find(quote)
    return (moved, moved + len(quote)) if quote and moved >= 0 else None


def guide_address(doc_id: str, start: int | None = None, end: int | None = None) -> str:
    query: dict[str, Any] = {"guide": doc_id}
    if start is not None:
        query |= {"from": start, "to": end or start}
    return "library?" + urlencode(query)


def guide_links(doc_id: str) -> Place:
    """Links between guides lead to the library; links to the world stay what they are; all others are words."""

    def address(target: str) -> str | None:
        if re.match(r"https?://", target, re.I):
            return target
        if re.match(r"[\w./-]+\.md(#|$)", target):
            parts: list[str] = []
            for part in (PurePosixPath(doc_id).parent / target.partition("#")[0]).parts:
                parts = parts[:-1] if part == ".." else [*parts, part]
            return guide_address("/".join(parts))
        return None

    return address


def no_links(_: object) -> None:
    return None


class Renderer(RendererHTML):
    """HTML on lines that Streamlit's markdown takes as raw; fences and formulas as markdown it draws itself."""

    def __init__(self, parser: Any = None) -> None:
        super().__init__(parser)
        self.begin(no_links, no_links, "")

    def begin(self, number: Number, place: Place, mark_id: str) -> None:
        self.number, self.place, self.mark_id = number, place, mark_id
        self.marking = False

    def text(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return "".join(self.marked(self.cited(part), part) for part in self.parts(tokens[at].content))

    def code_inline(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        inner = "".join(self.marked(escape(part), part) for part in self.parts(tokens[at].content))
        return f"<code>{inner}</code>"

    def softbreak(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return "<mark> </mark>" if self.marking else " "

    def image(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return escape(tokens[at].content)  # never fetched: no request leaves the machine

    def link_open(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        address = self.place(str(tokens[at].attrs.get("href", "")))
        return f'<a href="{escape_html(address)}" rel="noopener noreferrer">' if address else '<a class="words">'

    def heading_open(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        anchor = env["anchors"].get((tokens[at].map or [-1])[0])
        return f'<{tokens[at].tag} id="{anchor}">' if anchor else f"<{tokens[at].tag}>"

    def table_open(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return '<div class="table" tabindex="0" role="group" aria-label="Table"><table>'

    def table_close(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return "</table></div>\n"

    def fence(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        token = tokens[at]
        ticks = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`+", token.content))])
        language = re.sub(r"[^\w+-].*", "", token.info.strip(), flags=re.S)
        return self.native(f"{ticks}{language}\n{{}}\n{ticks}", token.content.rstrip("\n"))

    def code_block(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return self.fence(tokens, idx, options, env)

    def formula(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return self.native("$$\n{}\n$$", re.sub(r"\n\s*\n", "\n", tokens[at].content.strip()))

    def native(self, template: str, content: str) -> str:
        marked = self.marking or OPEN in content
        inner = template.replace("{}", "".join(self.parts(content)))
        return f'\n\n<div class="marked"{self.take_id()}>\n\n{inner}\n\n</div>\n\n' if marked else f"\n\n{inner}\n\n"

    def parts(self, content: str) -> Iterator[str]:
        """The content in pieces, inside the mark or outside of it."""
        for piece in re.split(f"([{OPEN}{CLOSE}])", content):
            if piece in (OPEN, CLOSE):
                self.marking = piece == OPEN
            elif piece:
                yield piece

    def marked(self, html: str, text: str) -> str:
        return f"<mark{self.take_id()}>{html}</mark>" if self.marking and text.strip() else html

    def take_id(self) -> str:
        """The first mark carries the id that a citation's number leads to."""
        name, self.mark_id = self.mark_id, ""
        return f' id="{name}"' if name else ""

    def cited(self, text: str) -> str:
        return MARKER.sub(lambda match: self.numbered(int(match[2])) or match[0], escape(text))

    def numbered(self, number: int) -> str | None:
        address = self.number(number)
        return (
            f'&nbsp;<a class="cite" href="{escape_html(address)}" aria-label="Source {number}">{number}</a>' if address else None
        )


def formula_block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """`$$ … $$` on lines of its own; one that does not close, as while streaming, is left out until it does."""
    lines = [state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]] for line in range(first, last)]
    if not lines[0].startswith("$$"):
        return False
    lines[0] = lines[0][2:]
    used = next((count for count, line in enumerate(lines, start=1) if line.rstrip().endswith("$$")), None)
    if used is None and last < state.lineMax:
        return False
    if not silent:
        state.line = first + (used or len(lines))
        token = state.push("formula" if used else "unfinished_formula", "", 0)
        token.content = "\n".join(lines[:used]).rstrip().removesuffix("$$")
    return True


def parser() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}, renderer_cls=Renderer).enable(["table"]).disable(["reference", "html_block"])
    made.block.ruler.before("fence", "formula", formula_block, {"alt": ["paragraph", "list", "blockquote"]})
    made.add_render_rule("unfinished_formula", lambda *_: "")
    return made


def markup(
    text: str,
    *,
    number: Number = no_links,
    place: Place = no_links,
    mark: tuple[int, int] | None = None,
    mark_id: str = "",
    anchors: dict[int, str] | None = None,
) -> str:
    """Markdown as markup, the span `mark` highlighted, headings on the given lines with anchors."""
    tool = parser()  # a renderer keeps state while it draws: one each, so that two people never share one
    renderer = tool.renderer
    assert isinstance(renderer, Renderer)
    renderer.begin(number, place, mark_id)
    drawn = str(tool.render(with_mark(text, mark), {"anchors": anchors or {}}))
    return LONE.sub(r'<p class="lone">\1</p>', drawn).replace("</mark><mark>", "")


def with_mark(text: str, mark: tuple[int, int] | None) -> str:
    text = text.translate(WORDS)
    if mark is None:
        return text
    start, end = mark
    if signs := BLOCK_SIGNS.match(text, start):
        start = min(signs.end(), end)
    if signs := BLOCK_ENDS.search(text, start, end):
        end = signs.start()
    return text[:start] + OPEN + text[start:end] + CLOSE + text[end:]


def document_markup(document: Document, start: int, end: int, mark: tuple[int, int] | None, mark_id: str = "quoted") -> str:
    """A part of a document, whichever its format, with headings that can be linked to."""
    text = document.text[start:end]
    inner = (max(mark[0] - start, 0), min(mark[1], end) - start) if mark and mark[0] < end and mark[1] > start else None
    if document.format == "plain":
        return plain_markup(text, inner, mark_id)
    lines = {
        document.text.count("\n", start, item.start): item.anchor for item in sections(document) if start <= item.start < end
    }
    return markup(text, place=guide_links(document.id), mark=inner, mark_id=mark_id, anchors=lines)


def plain_markup(text: str, mark: tuple[int, int] | None, mark_id: str) -> str:
    start, end = mark or (0, 0)
    pieces = [escape(text[:start]), escape(text[start:end]), escape(text[end:])]
    if mark:
        pieces[1] = f'<mark id="{mark_id}">{pieces[1]}</mark>'
    return '<div class="plain">' + "".join(pieces).strip().replace("\n", "<br>") + "</div>\n"


def without_markers(text: str) -> str:
    return MARKER.sub("", text)
