"""What is in use, and what is missing for more. Nothing secret is asked for here, and nothing secret is shown."""

import re
from collections.abc import Mapping

from rag.settings import Settings, load_settings
from ui import session
from ui.panels import masthead, table
from ui.render import escape
from ui.session import html

CODE = re.compile(r"`([^`]+)`")
SECRET = ("token", "key", "secret", "password")


def draw() -> None:
    html(masthead("Settings", "Read from the environment and from the file .env."))
    settings = load_settings()
    html(listing("In use", in_use(settings)))
    if more := missing(settings):
        html(listing("For more", more))
    html(listing("Every setting", every(settings)))


def in_use(settings: Settings) -> dict[str, str]:
    current = session.manifest()
    index = "nothing ingested yet; type <code>python -m ingest</code>"
    if current:
        name = f"<code>{escape(current.generation)}</code>"
        index = f"{current.documents} documents, {current.passages:,} passages, generation {name}"
    return {
        "Index": index,
        "Meaning is read by": escape(settings.embed_model),
        "Candidates are read again by": escape(settings.reranker),
        "Answers are written by": escape(settings.llm or "the offline composer, which only quotes"),
        "Vectors are kept in": escape(without_password(settings.chroma_url) or "Chroma, in the data folder"),
        "Everything is kept in": f"<code>{escape(str(settings.data_dir))}</code>",
    }


def missing(settings: Settings) -> dict[str, str]:
    model = "set <code>PREP_LLM</code> to provider:model, and the key that provider asks for"
    reranker = "set <code>PREP_RERANKER</code> to a cross-encoder, by name or folder"
    ways = (
        ("Answers in a chat model's words", model, settings.llm),
        ("Vectors on a server", "set <code>PREP_CHROMA_URL</code> to a Chroma server's address", settings.chroma_url),
        ("A stronger second reading", reranker, settings.reranker not in ("late-interaction", "none")),
    )
    return {title: way for title, way, in_use_already in ways if not in_use_already}


def every(settings: Settings) -> dict[str, str]:
    rows = {}
    for name, field in Settings.model_fields.items():
        value = without_password(str(getattr(settings, name)))
        shown = f"<code>{escape(value)}</code>" if value else "not set"
        if value and any(word in name for word in SECRET):
            shown = "set, not shown"
        description = CODE.sub(r"<code>\1</code>", escape(field.description or ""))
        rows[f"PREP_{name.upper()}"] = f"{shown}<span>{description}</span>"
    return rows


def without_password(address: str) -> str:
    """An address may carry a name and password before its host."""
    scheme, mark, rest = address.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}" if mark else address


def listing(title: str, rows: Mapping[str, str]) -> str:
    return f"<h2>{title}</h2>" + table(title, "settings", rows.items())
