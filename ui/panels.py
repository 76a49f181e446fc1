"""The parts of an answer as markup: the answer itself, its sources, how it was found. Pure, like render."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rag.types import Citation, Document, Source
from ui.conversations import Exchange, as_markdown
from ui.render import MARKER, document_markup, escape, guide_address, markup, place_of, section_at

LENGTH_NAMES = {"short": "30 seconds", "standard": "2 minutes", "deep": "Whiteboard"}
STAGES = {"dense": "Dense", "lexical": "Lexical", "fused": "Fused", "reranked": "Reranked"}
STEPS = {
    "embed": "read the question", "dense": "dense search", "lexical": "lexical search", "fuse": "fuse",
    "rerank": "rerank", "assemble": "assemble", "compose": "write", "generate": "write",
}  # fmt: skip
WAITING = '<p class="waiting">Looking through the guides …</p>'
REFUSAL = (
    "<p>The guides do not answer this.</p><p>Rather than guess, here are the sections that come nearest. "
    "If it belongs in the guides, say so: it goes on the list of what to write next, kept on this machine.</p>"
)
NOT_COUNTS = ("name", "changed", "faults")  # of what is known about the model's part


def hero(size: str) -> str:
    return (
        '<div class="hero"><h1>Ask what you would <mark>be asked.</mark></h1>'
        f"<p>Answers to machine-learning interview questions from {size}. "
        "Every sentence is one click from the words it rests on, and what the guides do not know is said so.</p></div>"
    )


def masthead(title: str, words: str) -> str:
    return f'<div class="masthead"><h1>{escape(title)}</h1><p>{escape(words)}</p></div>'


def answer(exchange: Exchange, turn: int, *, busy: bool = False) -> str:
    """The answer as a live region: a screen reader hears it when it is whole."""
    if exchange.status == "not_in_corpus":
        body = REFUSAL
    else:
        links = {item.number: f"#quote-{turn}-{item.number}" for item in exchange.citations}
        body = markup(exchange.text, number=links.get)
    return (
        f'<div class="answer {exchange.status}" role="region" aria-live="polite" aria-busy="{str(busy).lower()}" '
        f'aria-label="Answer {turn + 1}">\n{body or WAITING * busy}</div>'
    )


def sources(exchange: Exchange, turn: int, lookup: Callable[[str], Document | None]) -> str:
    if exchange.status == "not_in_corpus":
        words, found = "The nearest the guides come", enumerate(exchange.nearest, start=1)
        cards = [nearest_card(item, number, turn, document) for number, item in found if (document := lookup(item.doc_id))]
    else:
        words, cards = "Sources", [source_card(item, turn, lookup(item.doc_id)) for item in exchange.citations]
    return f'<div class="sources">{label(words)}{"".join(cards)}</div>' if cards else ""


def nearest_card(source: Source, number: int, turn: int, document: Document) -> str:
    section = section_at(document, source.start)
    where = (source.heading_path[-1], source.title, f"Nearest section {number}, answer {turn + 1}")
    inner = document_markup(document, section.body, section.end, None)
    return card(f"nearest-{turn}", "", where, inner, guide_link("Read on in the guide", source.doc_id, section.start))


def label(words: str) -> str:
    return f'<p class="label" role="heading" aria-level="3">{words}</p>'


def source_card(citation: Citation, turn: int, document: Document | None) -> str:
    """Its number in the answer opens it at the quoted words."""
    mark_id = f"quote-{turn}-{citation.number}"
    place = place_of(document, citation.start, citation.end, citation.quote) if document else None
    if document and place:
        section = section_at(document, place[0])
        inner = document_markup(document, min(section.body, place[0]), max(section.end, place[1]), place, mark_id)
        link = guide_link("Read on in the guide", citation.doc_id, *place)
    else:
        gone = "This guide has changed since." if document else "This guide is no longer in the library."
        inner = f'<p class="changed">{gone} These are the words as they stood when the answer was given.</p>'
        inner += f'<blockquote id="{mark_id}">{markup(citation.quote)}</blockquote>'
        link = guide_link("Open the guide as it is now", citation.doc_id) if document else ""
    where = (citation.heading, citation.guide, f"Source {citation.number}, answer {turn + 1}")
    more = f'<span>{escape(citation.place)}</span>{link}<a class="return" href="#{mark_id}">Back to the answer</a>'
    return card(f"sources-{turn}", f'<span class="ref">{citation.number}</span>', where, inner, more)


def card(group: str, number: str, where: tuple[str, str, str], inner: str, more: str) -> str:
    """Closed, it names its place; of a group, one is open at a time."""
    heading, guide, name = where
    return (
        f'<details class="source" name="{group}"><summary>{number}'
        f'<span class="where"><strong>{escape(heading)}</strong><span>{escape(guide)}</span></span></summary>\n'
        f'<div class="section" tabindex="0" role="region" aria-label="{name}">\n{inner}</div>\n'
        f'<p class="more">{more}</p></details>\n'
    )


def guide_link(words: str, doc_id: str, *span: int, target: str = "_blank") -> str:
    return f'<a href="{escape(guide_address(doc_id, *span))}" target="{target}" rel="noopener">{escape(words)}</a>'


def readable(label: str) -> str:
    """An area, role or level as a person would write it."""
    return {"llm": "LLM", "mle": "ML engineer", "ai-engineer": "AI engineer"}.get(label, label.replace("-", " ").capitalize())


def copies(exchange: Exchange, address: str) -> str:
    """Buttons that script.js makes work: the words, the words with their sources, a link that asks again."""
    words = MARKER.sub("", exchange.text).strip()
    texts = {"Copy": words, "Copy with sources": as_markdown([exchange])} if exchange.citations else {}
    lines = ((name, escape(text).replace("\n", "&#10;")) for name, text in texts.items())
    made = "".join(f'<button type="button" data-copy="{text}">{name}</button>' for name, text in lines)
    return f'<div class="copies">{made}<button type="button" data-copy-link="{escape(address)}">Copy link</button></div>'


def found(exchange: Exchange) -> str:
    """How the answer came about, for those who want to know."""
    trace = exchange.trace
    strength = trace["evidence"]["strength"]
    facts = {
        "Understood as": escape(trace["understood"]),
        "Evidence": f"{strength:.2f} of 1 {meter(strength)}",
        "Written by": written_by(trace.get("model")),
        "Index": f"generation {escape(trace['generation'])}",
    }
    rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())
    total = trace["milliseconds"]["total"]
    spent = ((STEPS[name], value) for name, value in trace["milliseconds"].items() if name in STEPS and value)
    times = "".join(f"<li>{step} <b>{value:.1f}</b>{meter(value / total)}</li>" for step, value in spent)
    return (
        f'<details class="found"><summary>How it was found</summary>\n<dl>{rows}</dl>\n{candidates(trace["candidates"])}\n'
        f'<p class="total">{total:.0f} milliseconds in all</p><ul class="timings">{times}</ul></details>'
    )


def written_by(model: Mapping[str, Any] | None) -> str:
    if not model:
        return "the offline composer: every sentence is quoted, no model was asked"
    counts = (f"{key.replace('_', ' ')} {value}" for key, value in model.items() if value and key not in NOT_COUNTS)
    changes = "".join(f"<li><del>{escape(item['was'])}</del> <ins>{escape(item['now'])}</ins></li>" for item in model["changed"])
    name = escape(" · ".join([model["name"], *counts]))
    return f'{name}<ul class="changes">{changes}</ul>' if changes else name


def meter(share: float) -> str:
    return f'<span class="meter" aria-hidden="true"><i style="width:{100 * min(max(share, 0), 1):.0f}%"></i></span>'


def candidates(rows: Sequence[Mapping[str, Any]]) -> str:
    """Every candidate with what each stage gave it; bars are drawn to the best of their column."""
    if not rows:
        return ""
    best = {stage: max(row.get(stage, 0.0) for row in rows) or 1.0 for stage in STAGES}
    body = []
    for row in rows:
        why = f'<span class="cut">left out: {escape(row["why"])}</span>' if row["why"] else ""
        cells = (f"{row.get(stage, 0.0):.2f}{meter(row.get(stage, 0.0) / best[stage])}" for stage in STAGES)
        body.append((f"{escape(row['heading'])}<span>{escape(row['guide'])}</span>{why}", *cells))
    caption = "<caption>The candidates, best first, with the score of every stage</caption>"
    return table("Candidates", "candidates", body, ["Section", *STAGES.values()], caption)


def table(name: str, kind: str, rows: Iterable[Sequence[str]], columns: Sequence[str] = (), caption: str = "") -> str:
    """A table that scrolls by itself where the page is narrow; the first cell of a row heads it."""
    heads = "".join(f'<th scope="col">{column}</th>' for column in columns)
    top = f"{caption}<thead><tr>{heads}</tr></thead>" if heads else caption
    body = "".join(f'<tr><th scope="row">{head}</th><td>{"</td><td>".join(cells)}</td></tr>' for head, *cells in rows)
    return (
        f'<div class="table" tabindex="0" role="group" aria-label="{name}">'
        f'<table class="{kind}">{top}<tbody>{body}</tbody></table></div>'
    )
