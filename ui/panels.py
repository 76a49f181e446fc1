"""The parts of an answer as markup: the answer itself, its sources, how it was found. Pure, like render."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rag.types import Citation, Document
from ui.conversations import Exchange, Nearest, as_markdown
from ui.render import document_markup, escape, guide_address, markup, place_of, section_at, without_markers

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
NOT_COUNTS = ("name", "notes", "changed", "faults")  # of what is known about the model's part
Lookup = Callable[[str], Document | None]


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
        known = {item.number for item in exchange.citations}
        body = markup(exchange.text, number=lambda n: f"#quote-{turn}-{n}" if busy or n in known else None)
    return (
        f'<div class="answer {exchange.status}" role="region" aria-live="polite" aria-busy="{str(busy).lower()}" '
        f'aria-label="Answer {turn + 1}">\n{body or WAITING * busy}</div>'
    )


def question(exchange: Exchange, turn: int) -> str:
    return f'<div class="question{" later" if turn else ""}"><h2>{escape(exchange.question)}</h2></div>'


def sources(exchange: Exchange, turn: int, lookup: Lookup) -> str:
    cards = "".join(source_card(item, turn, lookup(item.doc_id)) for item in exchange.citations)
    return f'<div class="sources">{label("Sources")}{cards}</div>' if cards else ""


def label(words: str) -> str:
    return f'<p class="label" role="heading" aria-level="3">{words}</p>'


def source_card(citation: Citation, turn: int, document: Document | None) -> str:
    """Closed, it names its place; its number in the answer opens it at the quoted words."""
    mark_id = f"quote-{turn}-{citation.number}"
    place = place_of(document, citation.start, citation.end, citation.quote) if document else None
    if document and place:
        section = section_at(document, place[0])
        body = document_markup(document, min(section.body, place[0]), max(section.end, place[1]), place, mark_id)
        note, link = "", guide_link(citation.doc_id, place[0], place[1], "Read on in the guide")
    else:
        body = f'<blockquote id="{mark_id}">{markup(citation.quote)}</blockquote>'
        gone = "This guide is no longer in the library." if document is None else "This guide has changed since."
        note = f'<p class="changed">{gone} These are the words as they stood when the answer was given.</p>'
        link = guide_link(citation.doc_id, None, None, "Open the guide as it is now") if document else ""
    return (
        f'<details class="source" name="sources-{turn}"><summary><span class="ref">{citation.number}</span>'
        f'<span class="where"><strong>{escape(citation.heading)}</strong><span>{escape(citation.guide)}</span></span></summary>\n'
        f'<div class="section" tabindex="0" role="region" aria-label="Source {citation.number}, answer {turn + 1}">\n'
        f'{note}{body}</div>\n<p class="more"><span>{escape(citation.place)}</span>{link}</p></details>\n'
    )


def guide_link(doc_id: str, start: int | None, end: int | None, words: str) -> str:
    return f'<a href="{escape(guide_address(doc_id, start, end))}" target="_blank" rel="noopener">{words}</a>'


def nearest(sections: Sequence[Nearest], turn: int, lookup: Lookup) -> str:
    """What a refusal offers instead: the nearest sections, to be opened on the spot."""
    cards = []
    for number, item in enumerate(sections, start=1):
        document = lookup(item.doc_id)
        if document is None:
            continue
        section = section_at(document, min(item.start, len(document.text)))
        cards.append(
            f'<details class="source" name="nearest-{turn}"><summary><span class="where"><strong>{escape(item.heading)}</strong>'
            f"<span>{escape(item.guide)}</span></span></summary>\n"
            f'<div class="section" tabindex="0" role="region" aria-label="Nearest section {number}, answer {turn + 1}">\n'
            f"{document_markup(document, section.body, section.end, None)}</div>\n"
            f'<p class="more">{guide_link(item.doc_id, section.start, section.start, "Read on in the guide")}</p></details>\n'
        )
    return f'<div class="sources">{label("The nearest the guides come")}{"".join(cards)}</div>' if cards else ""


def readable(label: str) -> str:
    """An area, role or level as a person would write it."""
    return {"llm": "LLM", "mle": "ML engineer", "ai-engineer": "AI engineer"}.get(label, label.replace("-", " ").capitalize())


def copies(exchange: Exchange, address: str) -> str:
    """Buttons that script.js makes work: the words, the words with their sources, a link that asks again."""
    words = without_markers(exchange.text).strip()
    buttons = {"Copy": words, "Copy with sources": as_markdown([exchange])} if exchange.citations else {}
    made = "".join(f'<button type="button" data-copy="{attribute(text)}">{name}</button>' for name, text in buttons.items())
    return f'<div class="copies">{made}<button type="button" data-copy-link="{escape(address)}">Copy link</button></div>'


def attribute(text: str) -> str:
    return escape(text).replace("\n", "&#10;")


def found(exchange: Exchange) -> str:
    """How the answer came about, for those who want to know."""
    trace = exchange.trace
    strength = trace.get("evidence", {}).get("strength")
    facts = [
        ("Understood as", escape(str(trace.get("understood", exchange.question)))),
        ("Evidence", "" if strength is None else f"{strength:.2f} of 1 {meter(strength)}"),
        ("Written by", written_by(trace.get("model"))),
        ("Index", f"generation {escape(str(trace.get('generation', 'unknown')))}"),
    ]
    rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts if value)
    return (
        f'<details class="found"><summary>How it was found</summary>\n<dl>{rows}</dl>\n'
        f"{candidates(trace.get('candidates', []))}\n{timings(trace.get('milliseconds', {}))}</details>"
    )


def written_by(model: Mapping[str, Any] | None) -> str:
    if not model:
        return "the offline composer: every sentence is quoted, no model was asked"
    parts = [f"{key.replace('_', ' ')} {value}" for key, value in model.items() if value and key not in NOT_COUNTS]
    changes = "".join(
        f"<li><del>{escape(item['was'])}</del> <ins>{escape(item['now'])}</ins></li>" for item in model.get("changed", [])
    )
    name = escape(" · ".join([str(model.get("name", "a chat model")), *parts]))
    return f'{name}<ul class="changes">{changes}</ul>' if changes else name


def notes(trace: Mapping[str, Any]) -> list[str]:
    """Sentences to show with the answer, such as that the chat model was down."""
    return [str(note) for note in [*trace.get("notes", []), *(trace.get("model") or {}).get("notes", [])]]


def meter(share: float) -> str:
    return f'<span class="meter" aria-hidden="true"><i style="width:{100 * min(max(share, 0), 1):.0f}%"></i></span>'


def candidates(rows: Sequence[Mapping[str, Any]]) -> str:
    """Every candidate with what each stage gave it; bars are drawn to the best of their column."""
    if not rows:
        return ""
    best = {stage: max((row.get(stage, 0.0) for row in rows), default=0.0) or 1.0 for stage in STAGES}
    head = "".join(f'<th scope="col">{name}</th>' for name in STAGES.values())
    body = ""
    for row in rows:
        cells = "".join(f"<td>{row.get(stage, 0.0):.2f}{meter(row.get(stage, 0.0) / best[stage])}</td>" for stage in STAGES)
        why = f'<span class="cut">left out: {escape(row["why"])}</span>' if row.get("why") else ""
        body += f'<tr><th scope="row">{escape(row["heading"])}<span>{escape(row["guide"])}</span>{why}</th>{cells}</tr>'
    caption = "<caption>The candidates, best first, with the score of every stage</caption>"
    head = f'<tr><th scope="col">Section</th>{head}</tr>'
    return table("Candidates", f"{caption}<thead>{head}</thead><tbody>{body}</tbody>", "candidates")


def table(name: str, inner: str, kind: str) -> str:
    """A table that scrolls by itself where the page is narrow."""
    return f'<div class="table" tabindex="0" role="group" aria-label="{escape(name)}"><table class="{kind}">{inner}</table></div>'


def timings(milliseconds: Mapping[str, float]) -> str:
    steps = {name: milliseconds[name] for name in STEPS if milliseconds.get(name)}
    if not steps:
        return ""
    total = milliseconds.get("total") or sum(steps.values())
    items = "".join(f"<li>{STEPS[name]} <b>{value:.1f}</b>{meter(value / total)}</li>" for name, value in steps.items())
    return f'<p class="total">{total:.0f} milliseconds in all</p><ul class="timings">{items}</ul>'
