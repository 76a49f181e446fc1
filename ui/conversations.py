"""Conversations on disk: one file each, named by an id that nobody can guess and that stands in the page's address."""

import re
import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock
from pydantic import TypeAdapter

from rag.settings import Settings
from rag.types import Citation, Filters, Length, Source, Status, Turn

ID = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass
class Exchange:
    """What became of one question: "asked", the next run answers it; "open", it was begun, and in a later run it was cut off."""

    question: str
    length: Length = "standard"
    status: Literal["asked", "open"] | Status = "asked"
    text: str = ""
    citations: list[Citation] = field(default_factory=list)
    nearest: list[Source] = field(default_factory=list)
    trace: dict[str, Any] = field(default_factory=dict)
    followups: list[str] = field(default_factory=list)
    verdict: str = ""
    wanted: bool = False
    id: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass
class Conversation:
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    length: Length = "standard"
    filters: Filters = field(default_factory=Filters)
    exchanges: list[Exchange] = field(default_factory=list)

    def put(self, exchange: Exchange) -> None:
        """In the place it has, else at the end."""
        self.exchanges = list({item.id: item for item in (*self.exchanges, exchange)}.values())

    def history(self, before: int) -> list[Turn]:
        return [Turn(exchange.question, exchange.text) for exchange in self.exchanges[:before] if exchange.status == "answered"]


JSON = TypeAdapter(Conversation)


def folder(settings: Settings) -> Path:
    return settings.data_dir / "conversations"


def save(settings: Settings, conversation: Conversation, exchange: Exchange | None = None) -> None:
    """Only this exchange is touched, another tab may have gone on with the others; a crash leaves the old file or the new one."""
    folder(settings).mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder(settings) / f"{conversation.id}.json"
    with FileLock(folder(settings) / ".lock"):
        kept = load(settings, conversation.id) or conversation
        if exchange:
            kept.put(exchange)
        staged = path.with_suffix(".staged")
        staged.write_bytes(JSON.dump_json(replace(kept, length=conversation.length, filters=conversation.filters)))
        staged.replace(path)


def load(settings: Settings, name: str) -> Conversation | None:
    """None for an id that was never given out, or a file that can no longer be read."""
    try:
        found = JSON.validate_json((folder(settings) / f"{name}.json").read_bytes()) if ID.fullmatch(name) else None
    except (OSError, ValueError):
        return None
    return found if found and found.id == name else None


def as_markdown(exchanges: list[Exchange]) -> str:
    """What a person takes along: questions, answers, and where every number points."""
    parts = []
    for exchange in exchanges:
        parts.append(f"## {exchange.question}\n\n{exchange.text.strip()}\n")
        if exchange.citations:
            places = (f"{item.number}. {item.guide}: {item.heading} (`{item.place}`)" for item in exchange.citations)
            parts.append("Sources:\n\n" + "\n".join(places) + "\n")
    return "\n".join(parts)
