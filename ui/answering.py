"""What is worked out around an answer: named candidates, follow-ups that the guides do answer, what they lack."""

from typing import Any

from rag import journal
from rag.assistant import Assistant
from rag.types import Answer
from ui.conversations import SHOWN_CANDIDATES, Conversation, Exchange
from ui.render import sections

MOST_FOLLOWUPS = 3
MOST_TRIED = 8


def candidates(assistant: Assistant, answer: Answer) -> list[dict[str, Any]]:
    """The best candidates of the trace, named so that a person knows them."""
    index = assistant.index
    rows = {name: row for row, name in enumerate(index.ids)}
    best = [item for item in answer.trace.get("candidates", [])[:SHOWN_CANDIDATES] if item["id"] in rows]
    passages = {passage.id: passage for passage in index.passages([rows[item["id"]] for item in best])}
    reasons = {item["id"]: item["why"].rpartition(" ") for item in answer.trace.get("cut", [])}
    named = []
    for item in best:
        source = passages[item["id"]].source
        why, _, twin = reasons.get(item["id"], ("", "", ""))
        if twin in passages:
            why += f" “{passages[twin].source.heading_path[-1]}”"
        named.append({**item, "heading": source.heading_path[-1], "guide": source.title, "why": why})
    return named


def followups(assistant: Assistant, conversation: Conversation) -> list[str]:
    """Questions that head the nearest sections of the guide just quoted, each tried: only what leads back there is offered."""
    exchange = conversation.exchanges[-1]
    document = assistant.index.catalogue.document(exchange.citations[0].doc_id) if exchange.citations else None
    if document is None:
        return []
    found = sections(document)
    here = max((place for place, section in enumerate(found) if section.start <= exchange.citations[0].start), default=0)
    seen = {citation.heading for earlier in conversation.exchanges for citation in earlier.citations}
    seen |= {earlier.question for earlier in conversation.exchanges}
    near = sorted(range(len(found)), key=lambda place: (abs(place - here), place < here))
    unasked = [found[place].title for place in near if found[place].title.endswith("?") and found[place].title not in seen]
    offered: list[str] = []
    for title in unasked[:MOST_TRIED]:
        if len(offered) < MOST_FOLLOWUPS:
            passages = assistant.retrieve(title, filters=conversation.filters).passages
            if passages and (passages[0].source.doc_id, passages[0].source.heading_path[-1]) == (document.id, title):
                offered.append(title)
    return offered


def record_gap(assistant: Assistant, exchange: Exchange) -> None:
    """A refusal goes on the list of what the guides may lack."""
    journal.record(
        assistant.settings,
        "gap",
        question=exchange.question,
        understood=exchange.trace.get("understood"),
        strength=exchange.trace.get("evidence", {}).get("strength"),
        nearest=[f"{item.guide}: {item.heading}" for item in exchange.nearest],
    )
