"""What is in use, and what is missing for more. Nothing secret is asked for here, and nothing secret is shown."""

import re
from collections.abc import Mapping

from rag.settings import Settings, load_settings
from ui import session
from ui.panels import masthead, table
from ui.render import escape
from ui.session import html


def draw() -> None:
    html(masthead("Settings", "Read from the environment and from the file .env."))
    settings = load_settings()
    html(listing("In use", in_use(settings)))
    if more := missing(settings):
        html(listing("For more", more))
    html(listing("Every setting", every(settings)))


def in_use(settings: Settings) -> dict[str, str]:
    index = "nothing ingested yet; type <code>python -m ingest</code>"
    if current := session.manifest():
        size = f"{current.documents} documents, {current.passages:,} passages"
        index = f"{size}, generation <code>{escape(current.generation)}</code>"
    return {
        "Index": index,
        "Meaning is read by": escape(settings.embed_model),
        "Candidates are read again by": escape(settings.reranker),
        "Answers are written by": escape(settings.llm or "the offline composer, which only quotes"),
        "Vectors are kept in": escape(without_password(settings.chroma_url) or "Chroma, in the data folder"),
        "Everything is kept in": f"<code>{escape(str(settings.data_dir))}</code>",
    }


def missing(settings: Settings) -> dict[str, str]:
    stronger = settings.reranker not in ("late-interaction", "none")
    ways = (
        (settings.llm, "Answers in a chat model's words", "PREP_LLM", "provider:model, and the key that provider asks for"),
        (settings.chroma_url, "Vectors on a server", "PREP_CHROMA_URL", "a Chroma server's address"),
        (stronger, "A stronger second reading", "PREP_RERANKER", "a cross-encoder, by name or folder"),
    )
    return {title: f"set <code>{name}</code> to {value}" for done, title, name, value in ways if not done}


def every(settings: Settings) -> dict[str, str]:
    rows = {}
    for name, field in Settings.model_fields.items():
        value = without_password(str(getattr(settings, name)))
        shown = "not set" if not value else f"<code>{escape(value)}</code>" if field.repr else "set, not shown"
        description = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(field.description or ""))
        rows[f"PREP_{name.upper()}"] = f"{shown}<span>{description}</span>"
    return rows


def without_password(address: str) -> str:
    """An address may carry a name and password before its host."""
    scheme, mark, rest = address.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}" if mark else address


def listing(title: str, rows: Mapping[str, str]) -> str:
    return f"<h2>{title}</h2>" + table(title, "settings", rows.items())
