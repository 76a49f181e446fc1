"""The page people keep open: ask, read, check, ask on."""

import time
from collections.abc import Callable
from itertools import islice
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from rag import journal
from rag.errors import PrepError
from rag.settings import load_settings
from rag.types import LENGTHS, Answer, Citation, Filters, Length
from ui import conversations, panels, session
from ui.conversations import Conversation, Exchange
from ui.panels import LENGTH_NAMES, readable
from ui.render import escape, literal, section_at, sections
from ui.session import html

SAMPLES = (
    "How do I debug train-serve skew?",
    "What happens if I use accuracy with 1% positives?",
    "Precision vs recall: which one should I optimise?",
    "How does self-attention work?",
    "How do you evaluate a RAG system?",
    "What is the bias-variance trade-off?",
)
REASONS = ("Wrong", "Beside the point", "Something is missing", "Too long", "Hard to read")
REDRAW_SECONDS = 0.05
LONGEST_QUESTION = 2000
NEAREST = 3  # sections that a refusal offers to open
SHOWN_CANDIDATES = 12
MOST_FOLLOWUPS, MOST_TRIED = 3, 8


def draw() -> None:
    conversation = current()
    take_question(conversation)
    if conversation.exchanges:
        st.query_params["c"] = conversation.id
        html('<h1 class="hidden">Conversation</h1>')
    else:
        st.query_params.pop("c", None)
        manifest = session.manifest()
        html(panels.hero(f"{manifest.documents} guides, {manifest.passages:,} passages" if manifest else "the guides"))
    status, trouble, talk = st.empty(), st.container(), st.container(key="talk")
    with st.container(key="composer"):
        composer(conversation)
    if not conversation.exchanges:
        with st.container(key="samples", horizontal=True):
            for sample in SAMPLES:
                st.button(sample, key=f"sample-{sample}", on_click=put, args=(sample,))
    with session.told(trouble):
        for turn, exchange in enumerate(conversation.exchanges):
            with talk, st.container(key=f"exchange-{turn}"):
                show(conversation, turn, exchange, status)
        session.assistant()  # after the page is painted: ready by the time a question is typed


def heard(place: Any, words: str) -> None:
    """Said by a screen reader, seen by nobody."""
    html(f'<p class="hidden" role="status">{words}</p>', place)


def current() -> Conversation:
    """The conversation in the address, else the one of this tab, else a new one."""
    known: Conversation = st.session_state.get("conversation") or Conversation()
    name = st.query_params.get("c") or ("" if "q" in st.query_params else known.id)
    found = conversations.load(load_settings(), name) or (known if known.id == name else Conversation())
    st.session_state["conversation"] = found
    return found


def put(question: str, length: Length | None = None, place: str = "") -> None:
    """A button was pressed: ask this in the coming run, at that length, in the place of the exchange so named."""
    st.session_state["put"] = (question, length, place)


def take_question(conversation: Conversation) -> None:
    """A question that came with this run joins the conversation, on disk too: whatever interrupts the run, it gets its answer."""
    question, length, place = st.session_state.pop("put", ("", None, ""))
    question = (question or st.query_params.pop("q", "")).strip()[:LONGEST_QUESTION]
    if question:
        exchange = Exchange(question, length or conversation.length)
        exchange.id = place or exchange.id
        conversation.put(exchange)
        keep(conversation, exchange)


def keep(conversation: Conversation, exchange: Exchange | None = None) -> None:
    if conversation.exchanges:
        conversations.save(load_settings(), conversation, exchange)


def composer(conversation: Conversation) -> None:
    invitation = "Ask a follow-up, or something else" if conversation.exchanges else "Ask an interview question"
    st.chat_input(invitation, key="box", max_chars=LONGEST_QUESTION, on_submit=lambda: put(st.session_state["box"] or ""))
    with st.container(key="controls", horizontal=True, vertical_alignment="center"):
        length = st.segmented_control(
            "Answer length",
            LENGTHS,
            default=conversation.length,
            format_func=LENGTH_NAMES.__getitem__,
            label_visibility="collapsed",
            required=True,
            key=f"length-{conversation.id}",
        )
        if length and length != conversation.length:
            conversation.length = length
            keep(conversation)
        filters(conversation)
        if conversation.exchanges:
            text = conversations.as_markdown(conversation.exchanges)
            st.download_button("Export", text, "conversation.md", type="tertiary", icon=":material/download:", on_click="ignore")
            st.button("New conversation", type="tertiary", icon=":material/add:", on_click=begin_anew)


def begin_anew() -> None:
    st.session_state["conversation"] = Conversation()
    st.query_params.clear()


def filters(conversation: Conversation) -> None:
    chosen = {"area": conversation.filters.areas, "role": conversation.filters.roles, "level": conversation.filters.levels}
    count = sum(map(len, chosen.values()))
    with st.popover(f"Filters: {count}" if count else "All guides", type="tertiary", icon=":material/filter_list:"):
        if session.manifest() is None:
            return
        picked, catalogue = [], session.catalogue()
        for name, values in chosen.items():
            offered = catalogue.labels(name)
            kept, key = [value for value in values if value in offered], f"{name}-{conversation.id}"
            pills = st.pills(name.capitalize(), offered, selection_mode="multi", default=kept, format_func=readable, key=key)
            picked.append(tuple(pills))
    if Filters(*picked) != conversation.filters:
        conversation.filters = Filters(*picked)
        keep(conversation)


def show(conversation: Conversation, turn: int, exchange: Exchange, status: Any) -> None:
    """One exchange: the answer, its sources beside it (below it on a phone), and what can be done with it."""
    html(f'<div class="question{" later" if turn else ""}"><h2>{escape(exchange.question)}</h2></div>')
    left, right = st.columns([7, 5], gap="large")
    words, stop, beside = left.empty(), left.empty(), right.empty()

    def paint(*, busy: bool = False, sources: bool = True) -> None:
        if sources:
            html(panels.sources(exchange, turn, lambda doc_id: session.catalogue().document(doc_id)), beside)
        html(panels.answer(exchange, turn, busy=busy), words)

    if exchange.status == "asked":
        heard(status, "Looking through the guides …")
        paint(busy=True)
        cut = (conversation, exchange)
        stop.button("Stop", f"stop-{turn}", on_click=begun, args=cut, icon=":material/stop_circle:", shortcut="Escape")
        answer(conversation, turn, exchange, paint)
        stop.empty()
        count = len(exchange.citations)
        heard(status, f"The answer is there, with {count} sources." if count else "The guides do not answer this.")
    else:
        paint()
    for sentence in exchange.trace.get("notes", []):
        html(f'<p class="note">{escape(sentence)}</p>', left)
    with st.container():  # on a phone: after the sources
        after(conversation, turn, exchange, last=exchange is conversation.exchanges[-1])


def answer(conversation: Conversation, turn: int, exchange: Exchange, paint: Callable[..., None]) -> None:
    """Paint the answer as it comes. However that ends, what has been said is kept."""
    try:
        assistant = session.assistant()
        paint(busy=True)  # a run that was superseded while the model loaded ends here
        begun(conversation, exchange)
        drawn, cited, citations = 0.0, False, dict[int, Citation]()
        for piece in assistant.stream(exchange.question, conversation.history(turn), conversation.filters, exchange.length):
            if isinstance(piece, Answer):
                settle(exchange, piece)
            elif isinstance(piece, Citation):
                citations[piece.number] = piece  # of a number that was given anew, the last meaning counts
                exchange.citations, cited = list(citations.values()), True
            else:
                exchange.text += piece
                if time.monotonic() - drawn > REDRAW_SECONDS:
                    paint(busy=True, sources=cited)
                    drawn, cited = time.monotonic(), False
        paint()
        exchange.followups = followups(conversation, exchange)
        if exchange.status == "not_in_corpus":
            trace, nearest = exchange.trace, [f"{item.title}: {item.heading_path[-1]}" for item in exchange.nearest]
            seen = {"understood": trace["understood"], "strength": trace["evidence"]["strength"], "nearest": nearest}
            journal.record(load_settings(), "gap", question=exchange.question, **seen)
    except PrepError:
        exchange.status, exchange.text, exchange.citations = "asked", "", []  # answered by itself once the trouble is over
        raise
    finally:
        keep(conversation, exchange)


def settle(exchange: Exchange, answer: Answer) -> None:
    """Take over what a later visit needs, candidates by name, so that it does not depend on the index being the same."""
    index = session.assistant().index
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
    exchange.status, exchange.text, exchange.citations = answer.status, answer.text, list(answer.citations)
    exchange.nearest = [passage.source for passage in answer.passages[:NEAREST]]
    exchange.trace = {**answer.trace, "candidates": named}


def followups(conversation: Conversation, exchange: Exchange) -> list[str]:
    """Questions that head the nearest sections of the guide just quoted, each tried: only what leads back there is offered."""
    assistant, cited = session.assistant(), exchange.citations
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


def begun(conversation: Conversation, exchange: Exchange) -> None:
    """From here on an interruption, such as the Stop button, leaves an answer that was cut off."""
    exchange.status = "open"
    keep(conversation, exchange)


def after(conversation: Conversation, turn: int, exchange: Exchange, last: bool) -> None:
    if exchange.status == "open":
        st.caption("This answer was cut off before its end.")
        if last:
            again = (exchange.question, conversation.length, exchange.id)
            st.button("Ask again", key=f"again-{turn}", icon=":material/refresh:", on_click=put, args=again)
        return
    if exchange.wanted:
        html('<p class="noted">Noted: this should be covered.</p>')
    elif exchange.status == "not_in_corpus":
        wish = (conversation, exchange)
        st.button("This should be covered", key=f"wanted-{turn}", icon=":material/bookmark_add:", on_click=want, args=wish)
    actions(conversation, turn, exchange, last)
    if last and exchange.followups:
        with st.container(key="followups"):
            html(panels.label("Likely to be asked next"))
            for followup in exchange.followups:
                st.button(literal(followup), key=f"next-{turn}-{followup}", on_click=put, args=(followup,), type="tertiary")
    html(panels.found(exchange))


def want(conversation: Conversation, exchange: Exchange) -> None:
    journal.record(load_settings(), "wanted", question=exchange.question)
    exchange.wanted = True
    keep(conversation, exchange)


def actions(conversation: Conversation, turn: int, exchange: Exchange, last: bool) -> None:
    with st.container(key=f"actions-{turn}", horizontal=True, vertical_alignment="center"):
        html(panels.copies(exchange, "?" + urlencode({"q": exchange.question})), width="content")
        thumb = st.feedback("thumbs", key=f"thumb-{conversation.id}-{turn}-{exchange.length}")
        if last and exchange.status == "answered":
            with st.popover("Say it shorter or longer", type="tertiary"):
                for length in LENGTHS:
                    if length != exchange.length:
                        again = (exchange.question, length, exchange.id)
                        st.button(LENGTH_NAMES[length], key=f"say-{turn}-{length}", on_click=put, args=again, type="tertiary")
    if thumb is None:
        return
    verdict = "up" if thumb else "down"
    reason = "" if thumb else st.pills("What is wrong with it?", REASONS, key=f"why-{conversation.id}-{turn}") or ""
    if exchange.verdict != f"{verdict} {reason}":
        exchange.verdict = f"{verdict} {reason}"
        keep(conversation, exchange)
        history = [earlier.question for earlier in conversation.history(turn)]
        citations = [f"[{item.number}] {item.guide}: {item.heading} ({item.place})" for item in exchange.citations]
        said = {"question": exchange.question, "history": history, "answer": exchange.text, "verdict": verdict, "reason": reason}
        journal.record(load_settings(), "feedback", **said, citations=citations, trace=exchange.trace)
    st.caption("Thank you. It is kept on this machine, with the trace of the answer.")
