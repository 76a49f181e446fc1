"""A document to chunks, by structure: sections by heading, then whole paragraphs, lists, tables, formulas and code blocks.

`document.text[chunk.start:chunk.end] == chunk.text`, for any input.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

from rag.sentences import sentence_spans
from rag.types import Chunk, Document

CHARACTERS_PER_TOKEN = 8  # a text this much denser than its tokens (base64, one endless word) counts by its characters
Span = tuple[int, int]


@dataclass(frozen=True)
class Block:
    """A stretch that should stay whole, and the smaller stretches it may be cut into when it cannot."""

    start: int
    end: int
    parts: tuple[Span, ...] = ()
    fence: str | None = None


@dataclass(frozen=True)
class Section:
    heading_path: tuple[str, ...]
    blocks: tuple[Block, ...]


def chunk(document: Document, limit: int, count: Callable[[str], int]) -> list[Chunk]:
    """Cut the document into chunks of at most `limit` tokens, heading path included."""

    def size(start: int, end: int) -> int:
        piece = document.text[start:end]
        return max(count(piece), len(piece) // CHARACTERS_PER_TOKEN)

    chunks = []
    for section in sections(document):
        room = max(limit - count(" > ".join(section.heading_path)), limit // 2)
        for start, end in pack(document.text, groups(document.text, section.blocks), room, size):
            piece = document.text[start:end]
            start, end = start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())
            if start < end:
                chunks.append(Chunk(document.id, start, end, document.text[start:end], section.heading_path))
    return chunks


def pack(text: str, wholes: list[Block], room: int, size: Callable[[int, int], int]) -> Iterator[Span]:
    """Fill chunks with neighbouring blocks while they fit; a block too large for one chunk is cut at its own joints."""
    pieces = (piece for block in wholes for piece in fitting_pieces(text, block, room, size))
    return fill(text, pieces, room, size)


def fitting_pieces(text: str, block: Block, room: int, size: Callable[[int, int], int]) -> Iterator[Span]:
    joints: list[Callable[[int, int], list[Span]]] = [
        lambda start, end: [part for part in block.parts if start <= part[0] and part[1] <= end],
        lambda start, end: [(start + m.start(), start + m.end()) for m in re.finditer(r"[^\n]+", text[start:end])],
        lambda start, end: [(start + a, start + b) for a, b in sentence_spans(text[start:end])],
        lambda start, end: [(start + m.start(), start + m.end()) for m in re.finditer(r"\S+", text[start:end])],
        lambda start, end: [(at, min(at + room, end)) for at in range(start, end, room)],
    ]
    if block.fence is None:
        joints[1], joints[2] = joints[2], joints[1]

    def cut(span: Span, depth: int) -> Iterator[Span]:
        """Cut at the coarsest joints that make it fit, then join neighbouring pieces up to the room there is."""
        if depth == len(joints) or size(*span) <= room:
            yield span
        else:
            parts = joints[depth](*span) or [span]
            yield from fill(text, (piece for part in parts for piece in cut(part, depth + 1)), room, size)

    return cut((block.start, block.end), 0)


def fill(text: str, pieces: Iterable[Span], room: int, size: Callable[[int, int], int]) -> Iterator[Span]:
    """Join neighbouring pieces while they fit."""
    filled: Span | None = None
    used = 0
    for start, end in pieces:
        needed = size(start, end)
        if filled:
            together = used + needed
            gap = text[filled[1] : start]
            if together <= room and (gap.strip() or "\n" in gap):  # what stands between counts too: a rule, a link's target
                together = size(filled[0], end)
            together = max(together, (end - filled[0]) // CHARACTERS_PER_TOKEN)
            if together <= room:
                filled, used = (filled[0], end), together
                continue
            yield filled
        filled, used = (start, end), needed
    if filled:
        yield filled


def groups(text: str, blocks: tuple[Block, ...]) -> list[Block]:
    """Blocks that only make sense together become one: "… as follows:" with its list, code with its output."""
    joined: list[Block] = []
    for block in blocks:
        previous = joined[-1] if joined else None
        introduced = previous is not None and text[previous.start : previous.end].rstrip().endswith(":")
        if previous is not None and (introduced or (block.fence == "output" and previous.fence is not None)):
            joined[-1] = join(previous, block, block.fence)
        else:
            joined.append(block)
    return joined


def join(first: Block, second: Block, fence: str | None) -> Block:
    parts = (first.parts or ((first.start, first.end),)) + (second.parts or ((second.start, second.end),))
    return Block(first.start, second.end, parts, fence)


def sections(document: Document) -> list[Section]:
    return list(plain_sections(document) if document.format == "plain" else markdown_sections(document))


def plain_sections(document: Document) -> Iterator[Section]:
    """Paragraphs between blank lines; a short line that ends no sentence is the heading of the text that follows it."""
    path: tuple[str, ...] = (document.title,)
    blocks: list[Block] = []
    paragraphs = [(m.start(), m.end()) for m in re.finditer(r"\S(?:.*\n)*?.*(?=\n\s*\n|\s*\Z)", document.text)]
    titles = [*(plain_heading(document.text[start:end].strip()) for start, end in paragraphs), ""]
    titles[len(paragraphs) - 1] = ""
    for place, (start, end) in enumerate(paragraphs):
        if titles[place] and (not titles[place + 1] or titles[place] == document.title):
            if blocks:
                yield Section(path, tuple(blocks))
            path, blocks = (document.title, titles[place]), []
        else:
            blocks.append(Block(start, end))
    if blocks:
        yield Section(path, tuple(blocks))


def plain_heading(paragraph: str) -> str:
    """The paragraph as a heading, or nothing when it reads as text."""
    short = "\n" not in paragraph and len(paragraph) <= 100
    return paragraph.strip("# ") if short and (paragraph.endswith("?") or paragraph[-1:] not in ".!:;,") else ""


def markdown_sections(document: Document) -> Iterator[Section]:
    text = document.text
    starts = [0, *(m.end() for m in re.finditer(r"\r\n|\r|\n", text))]
    first_line = bisect_right(starts, document.body_start) - 1
    body = text[starts[first_line] :]

    def offsets(token: Token) -> Span:
        assert token.map is not None
        first, last = token.map[0] + first_line, token.map[1] + first_line
        return starts[first], starts[last] if last < len(starts) else len(text)

    stack: list[tuple[int, str]] = [(0, document.title)]
    blocks: list[Block] = []
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    for place, token in enumerate(tokens):
        if token.level == 0 and token.type == "heading_open":
            if blocks:
                yield section(stack, blocks, text)
            level, title = int(token.tag[1]), heading_text(tokens[place + 1])
            stack, blocks = [*(item for item in stack if item[0] < level), (level, title)], []
        elif token.level == 0 and token.map and token.nesting >= 0 and token.type != "hr":
            start, end = offsets(token)
            items = tuple(offsets(item) for item in list_items(tokens, place))
            fence = (token.info.strip() or "text") if token.type in {"fence", "code_block"} else None
            blocks.append(Block(start, end, items, "table" if token.type == "table_open" else fence))
    if blocks:
        yield section(stack, blocks, text)


def list_items(tokens: list[Token], place: int) -> Iterator[Token]:
    """The top items of the list that opens at this place; none if no list does."""
    if not tokens[place].type.endswith("list_open"):
        return
    for token in tokens[place + 1 :]:
        if token.level == 0:
            return
        if token.type == "list_item_open" and token.level == 1 and token.map:
            yield token


def heading_text(inline: Token) -> str:
    words = "".join(" " if child.type.endswith("break") else child.content for child in inline.children or [])
    return " ".join(words.split()) or inline.content


def section(stack: list[tuple[int, str]], blocks: list[Block], text: str) -> Section:
    titles = [title for _, title in stack if title]
    path = tuple(title for place, title in enumerate(titles) if place == 0 or title != titles[place - 1])
    return Section(path, tuple(whole_formulas(blocks, text)))


def whole_formulas(blocks: list[Block], text: str) -> Iterator[Block]:
    """A `$$` formula that holds a blank line parses as several blocks; make it one again."""
    waiting: Block | None = None
    for block in blocks:
        is_open = block.fence is None and text.count("$$", block.start, block.end) % 2 == 1
        if waiting:
            block, is_open = join(waiting, block, waiting.fence), not is_open
        waiting = block if is_open else None
        if not is_open:
            yield block
    if waiting is not None:
        yield waiting
