"""The guides as the corpus tests read them: front matter, body, sections, blocks."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt

from ingest.load import read_asks

ROOT = Path(__file__).parents[2] / "corpus"


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Guide:
    slug: str
    meta: dict[str, Any]
    body: str
    asks: dict[str, tuple[str, ...]]

    @property
    def headings(self) -> list[tuple[int, str]]:
        """(level, title) of every heading, in order."""
        tokens = MarkdownIt().parse(self.body)
        return [
            (int(token.tag[1]), tokens[index + 1].content) for index, token in enumerate(tokens) if token.type == "heading_open"
        ]

    @property
    def blocks(self) -> list[Block]:
        """Fenced code blocks, in order."""
        return [
            Block(token.info.strip(), token.content, token.map[0] if token.map else 0)
            for token in MarkdownIt().parse(self.body)
            if token.type == "fence"
        ]


@cache
def guides() -> tuple[Guide, ...]:
    return tuple(read(path) for path in sorted(ROOT.glob("*/*.md")))


def read(path: Path) -> Guide:
    text = path.read_text(encoding="utf-8")
    _, front, body = text.split("---\n", 2)
    return Guide(
        f"{path.parent.name}/{path.stem}", yaml.safe_load(front), body, read_asks(path.with_suffix(".asks").read_bytes())
    )


def says(slug: str, *phrases: str) -> None:
    """Fail unless the guide contains each phrase, white space folded."""
    body = " ".join(next(guide.body for guide in guides() if guide.slug == slug).split())
    for phrase in phrases:
        assert re.sub(r"\s+", " ", phrase) in body, f"{slug} no longer says {phrase!r}"
