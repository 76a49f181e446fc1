"""What is worked out around an answer: its candidates by name, and follow-ups that the guides do answer."""

from itertools import islice
from typing import TYPE_CHECKING, Any

from rag.types import Answer
from ui.conversations import Conversation, Exchange
from ui.render import section_at, sections

if TYPE_CHECKING:
    from rag.assistant import Assistant

SHOWN_CANDIDATES = 12
MOST_FOLLOWUPS = 3
MOST_TRIED = 8


def candidates(assistant: "Assistant", answer: Answer) -> list[dict[str, Any]]:
    """The best candidates of the trace, named so that a person knows them."""
    index = assistant.index
    rows = {name: row for row, name in enumerate(index.ids)}
    best = [item for item in answer.trace["candidates"][:SHOWN_CANDIDATES] if item["id"] in rows]
    passages = {passage.id: passage for passage in index.passages([rows[item["id"]] for item in best])}
    reasons = {item["id"]: item["why"].rpartition(" ") for item in answer.trace["cut"]}
    named = []
    for item in best:
        source = passages[item["id"]].source
        why, _, twin = reasons.get(item["id"], ("", "", ""))
        if twin in passages:
            why += f" “{passages[twin].source.heading_path[-1]}”"
        named.append({**item, "heading": source.heading_path[-1], "guide": source.title, "why": why})
    return named


def followups(assistant: "Assistant", conversation: Conversation, exchange: Exchange) -> list[str]:
    """Questions that head the nearest sections of the guide just quoted, each tried: only what leads back there is offered."""
    cited = exchange.citations
    document = assistant.index.catalogue.document(cited[0].doc_id) if cited else None
    if document is None or document.format == "plain":
        return []
    found = sections(document)
    here = found.index(section_at(document, cited[0].start))
    seen = {citation.heading for earlier in conversation.exchanges for citation in earlier.citations}
    seen |= {earlier.question for earlier in conversation.exchanges}
    near = sorted(range(len(found)), key=lambda place: (abs(place - here), place < here))
    unasked = [title for place in near if (title := found[place].title).endswith("?") and title not in seen]

    def leads_back(title: str) -> bool:
        passages = assistant.retrieve(title, filters=conversation.filters).passages
        return bool(passages) and (passages[0].source.doc_id, passages[0].source.heading_path[-1]) == (document.id, title)

    return list(islice(filter(leads_back, unasked[:MOST_TRIED]), MOST_FOLLOWUPS))
