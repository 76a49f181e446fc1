"""Text to markup, with no Streamlit in sight: markdown that cannot smuggle in HTML, quoted spans marked, numbers that link.

The markup goes through `st.markdown(…, unsafe_allow_html=True)`: everything a file, a person or a model wrote is escaped here.
Code and formulas are left as markdown between blank lines, so that Streamlit draws them with its own highlighter and KaTeX.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape as escape_html
from typing import Any
from urllib.parse import urlencode

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from rag.types import Document

MARKER = re.compile(r"([ \t]*)\[(\d{1,3})\]")
LONE = re.compile(r"<p>(?:&nbsp;)?(<a class=\"cite\"[^>]*>\d+</a>)</p>")  # the number of a block of code, a table, a formula
PERCENT = re.compile(r"(?<=\d) %")  # no line ends between a figure and its sign
HEADING = re.compile(r"^(?P<fence>```|~~~).*?^(?P=fence)|^(?P<level>#{1,6})[ \t]+(?P<title>.+?)[ \t]*#*$", re.M | re.S)
# Where a block begins with signs of its own, the mark begins after them; it ends before the signs that close one.
BLOCK_SIGNS = re.compile(r"(?:[ \t]*(?:[-*+]|\d+[.)]|#{1,6}|>)[ \t]+)+|[ \t]*\|[ \t]*|(?:```|~~~)[^\n]*\n|\$\$")
BLOCK_ENDS = re.compile(r"(?:\n(?:```|~~~)|\$\$|[ \t]*\|)\s*$")
FORMULA = re.compile(r"\$\$(.*?)\$\$\s*?$", re.M | re.S)
PLAIN_BEFORE, PLAIN_AFTER = 1200, 2400  # how much of a document without headings surrounds a quote
OPEN, CLOSE = "⸨", "⸩"  # punctuation to markdown, so they change no emphasis beside them
WORDS = str.maketrans({OPEN: "(", CLOSE: ")"})
Link = Callable[[Any], str | None]  # what a citation's number or a link of the text leads to; the name of the heading on a line
NOWHERE: Link = dict[Any, str]().get
Span = tuple[int, int] | None


@dataclass(frozen=True)
class Section:
    level: int
    title: str
    start: int
    body: int  # where the heading ends
    end: int


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
        Section(len(match["level"]), re.sub(r"[*`]", "", match["title"]), match.start(), match.end(), end)
        for match, end in zip(found, ends, strict=True)
    ]


def section_at(document: Document, start: int) -> Section:
    """The section this place stands in; of a document without headings, what surrounds the place."""
    if document.format == "plain":
        first = max(document.body_start, start - PLAIN_BEFORE)
        return Section(1, document.title, first, first, min(len(document.text), start + PLAIN_AFTER))
    found = sections(document)
    return next((section for section in reversed(found) if section.start <= start), found[0])


def place_of(document: Document, start: int, end: int, quote: str) -> Span:
    """Where a quoted span stands now; None when the guide no longer says it."""
    if document.text[start:end] == quote:
        return start, end
    moved = document.text.find(quote)
    return (moved, moved + len(quote)) if quote and moved >= 0 else None


def guide_address(doc_id: str, start: int | None = None, end: int | None = None) -> str:
    span: dict[str, Any] = {} if start is None else {"from": start, "to": end or start}
    return "library?" + urlencode({"guide": doc_id, **span})


def guide_links(doc_id: str) -> Link:
    """Links between guides lead to the library; links to the world stay what they are; all others are words."""

    def address(target: str) -> str | None:
        if re.match(r"[\w./-]+\.md(#|$)", target):
            return guide_address(posixpath.normpath(posixpath.join(posixpath.dirname(doc_id), target.partition("#")[0])))
        return target if re.match(r"https?://", target, re.I) else None

    return address


class Renderer(RendererHTML):
    """HTML on lines that Streamlit's markdown takes as raw; fences and formulas as markdown it draws itself."""

    def __init__(self, number: Link, place: Link, anchor: Link, mark_id: str) -> None:
        super().__init__()
        self.number, self.place, self.anchor, self.mark_id = number, place, anchor, mark_id
        self.marking = False

    def text(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return self.marked(tokens[at].content, self.cited)

    def code_inline(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return f"<code>{self.marked(tokens[at].content, escape)}</code>"

    def softbreak(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return "<mark> </mark>" if self.marking else " "

    def image(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return escape(tokens[at].content)  # never fetched: no request leaves the machine

    def link_open(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        address = self.place(tokens[at].attrs.get("href", ""))
        return f'<a href="{escape_html(address)}" rel="noopener noreferrer">' if address else '<a class="words">'

    def heading_open(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        # Streamlit names the larger headings itself, unless it is told a name in its own way.
        anchor = self.anchor((tokens[at].map or [-1])[0])
        return f'<{tokens[at].tag} id="{anchor}" data-anchor="{anchor}">' if anchor else f"<{tokens[at].tag}>"

    def table_open(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return '<div class="table" tabindex="0" role="group" aria-label="Table"><table>'

    def table_close(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return "</table></div>\n"

    def fence(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        content, info = tokens[at].content, tokens[at].info.strip()
        ticks = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`+", content))])
        return self.native(ticks + re.split(r"[^\w+-]", info)[0], content.rstrip("\n"), ticks)

    def code_block(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return self.fence(tokens, at, options, env)

    def formula(self, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
        return self.native("$$", re.sub(r"\n\s*\n", "\n", tokens[at].content.strip()), "$$")

    def native(self, begin: str, content: str, end: str) -> str:
        marked = self.marking or OPEN in content
        drawn = f"\n\n{begin}\n{''.join(self.parts(content))}\n{end}\n\n"
        return f'\n\n<div class="marked"{self.take_id()}>{drawn}</div>\n\n' if marked else drawn

    def marked(self, content: str, draw: Callable[[str], str]) -> str:
        drawn = ((draw(part), self.marking and part.strip()) for part in self.parts(content))
        return "".join(f"<mark{self.take_id()}>{html}</mark>" if inside else html for html, inside in drawn)

    def parts(self, content: str) -> Iterator[str]:
        """The content in pieces, inside the mark or outside of it."""
        for piece in re.split(f"([{OPEN}{CLOSE}])", content):
            if piece in (OPEN, CLOSE):
                self.marking = piece == OPEN
            elif piece:
                yield piece

    def take_id(self) -> str:
        """The first mark carries the id that a citation's number leads to."""
        name, self.mark_id = self.mark_id, ""
        return f' id="{name}"' if name else ""

    def cited(self, text: str) -> str:
        def link(marker: re.Match[str]) -> str:
            number = int(marker[2])
            if not (address := self.number(number)):
                return marker[0]
            return f'&nbsp;<a class="cite" href="{escape_html(address)}" aria-label="Source {number}">{number}</a>'

        return MARKER.sub(link, PERCENT.sub("&nbsp;%", escape(text)))


def formula_block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """`$$ … $$` on lines of its own; one that does not close, as while streaming, is left out until it does."""
    text = "\n".join(state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]] for line in range(first, last))
    found = FORMULA.match(text)
    if not text.startswith("$$") or (not found and last < state.lineMax):
        return False
    if not silent:
        state.line = first + (found[0] if found else text).count("\n") + 1
        if found:
            state.push("formula", "", 0).content = found[1]
    return True


def markup(
    text: str, *, number: Link = NOWHERE, place: Link = NOWHERE, anchor: Link = NOWHERE, mark: Span = None, mark_id: str = ""
) -> str:
    """Markdown as markup, the span `mark` highlighted."""
    parser = MarkdownIt("commonmark", {"html": False}, renderer_cls=lambda _: Renderer(number, place, anchor, mark_id))
    parser.enable("table").disable(["reference", "html_block"])
    parser.block.ruler.before("fence", "formula", formula_block, {"alt": ["paragraph", "list", "blockquote"]})
    drawn = parser.render(with_mark(text, mark))
    return LONE.sub(r'<p class="lone">\1</p>', drawn).replace("</mark><mark>", "")


def with_mark(text: str, mark: Span) -> str:
    text = text.translate(WORDS)
    if mark is None:
        return text
    start, end = mark
    if signs := BLOCK_SIGNS.match(text, start):
        start = min(signs.end(), end)
    if signs := BLOCK_ENDS.search(text, start, end):
        end = signs.start()
    return text[:start] + OPEN + text[start:end] + CLOSE + text[end:]


def document_markup(document: Document, start: int, end: int, mark: Span, mark_id: str = "quoted") -> str:
    """A part of a document, whichever its format, with headings that can be linked to; a mark stands inside that part."""
    text = document.text[start:end]
    first, last = (mark[0] - start, mark[1] - start) if mark else (0, 0)
    if document.format == "plain":
        quoted = f'<mark id="{mark_id}">{escape(text[first:last])}</mark>' if mark else ""
        drawn = escape(text[:first]) + quoted + escape(text[last:])
        return '<div class="plain">' + drawn.strip().replace("\n", "<br>") + "</div>\n"
    headings = (item.start for item in sections(document) if start <= item.start < end)
    anchors = {document.text.count("\n", start, place): f"at-{place}" for place in headings}
    return markup(text, place=guide_links(document.id), anchor=anchors.get, mark=mark and (first, last), mark_id=mark_id)
