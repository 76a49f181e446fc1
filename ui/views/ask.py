"""The page people keep open: ask, read, check, ask on."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from rag import journal
from rag.errors import PrepError
from rag.settings import load_settings
from rag.types import LENGTHS, Answer, Citation, Document, Filters, Length
from ui import answering, conversations, panels, session
from ui.conversations import Conversation, Exchange
from ui.panels import LENGTH_NAMES, readable
from ui.render import escape, literal
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
BESIDE = (7, 5)  # the answer and, in the margin, its sources


def draw() -> None:
    conversation = current()
    take_question(conversation)
    if conversation.exchanges:
        html('<h1 class="hidden">Conversation</h1>')
    else:
        manifest = session.manifest()
        html(panels.hero(f"{manifest.documents} guides, {manifest.passages:,} passages" if manifest else "the guides"))
    status = st.empty()
    trouble = st.container()
    talk = st.container(key="talk")
    with st.container(key="composer"):
        composer(conversation)
    if not conversation.exchanges:
        with st.container(key="samples", horizontal=True):
            for sample in SAMPLES:
                st.button(sample, key=f"sample-{sample}", on_click=put, args=(sample,))
    with session.told(trouble):
        for turn in range(len(conversation.exchanges)):
            with talk, st.container(key=f"exchange-{turn}"):
                show(conversation, turn, status)
        session.assistant()  # after the page is painted: ready by the time a question is typed


def heard(place: Any, words: str) -> None:
    """Said by a screen reader, seen by nobody."""
    html(f'<p class="hidden" role="status">{words}</p>', place)


def current() -> Conversation:
    """The conversation in the address, else the one of this tab, else a new one."""
    known: Conversation = st.session_state.get("conversation") or Conversation()
    name = st.query_params.get("c") or ("" if "q" in st.query_params else known.id)
    found = conversations.load(load_settings(), name) or (known if known.id == name else Conversation())
    if found.exchanges:
        st.query_params["c"] = found.id  # back from another page
    else:
        st.query_params.pop("c", None)
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
        st.query_params["c"] = conversation.id


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
            pills = st.pills(
                name.capitalize(),
                offered,
                selection_mode="multi",
                default=[value for value in values if value in offered],
                format_func=readable,
                key=f"{name}-{conversation.id}",
            )
            picked.append(tuple(pills))
    if Filters(*picked) != conversation.filters:
        conversation.filters = Filters(*picked)
        keep(conversation)


def show(conversation: Conversation, turn: int, status: Any) -> None:
    """One exchange: the answer, its sources beside it (below it on a phone), and what can be done with it."""
    exchange = conversation.exchanges[turn]
    html(panels.question(exchange, turn))
    left, right = st.columns(BESIDE, gap="large")
    words, stop, beside = left.empty(), left.empty(), right.empty()

    def paint(*, busy: bool = False, sources: bool = True) -> None:
        if sources:
            html(panels.sources(exchange, turn, lookup), beside)
        html(panels.answer(exchange, turn, busy=busy), words)

    if exchange.status == "asked":
        heard(status, "Looking through the guides …")
        paint(busy=True)
        cut = (conversation, exchange)
        stop.button("Stop", f"stop-{turn}", on_click=begun, args=cut, icon=":material/stop_circle:", shortcut="Escape")
        answer(conversation, turn, paint)
        stop.empty()
        count = len(exchange.citations)
        heard(status, f"The answer is there, with {count} sources." if count else "The guides do not answer this.")
    else:
        paint()
    for sentence in exchange.trace.get("notes", []):
        html(f'<p class="note">{escape(sentence)}</p>', left)
    with st.container():  # on a phone: after the sources
        after(conversation, turn, last=exchange is conversation.exchanges[-1])


def lookup(doc_id: str) -> Document | None:
    return session.catalogue().document(doc_id)


def answer(conversation: Conversation, turn: int, paint: Callable[..., None]) -> None:
    """Paint the answer as it comes. However that ends, what has been said is kept."""
    exchange = conversation.exchanges[turn]
    try:
        assistant = session.assistant()
        paint(busy=True)  # a run that was superseded while the model loaded ends here
        begun(conversation, exchange)
        drawn, cited = 0.0, False
        for piece in assistant.stream(exchange.question, conversation.history(turn), conversation.filters, exchange.length):
            if isinstance(piece, Answer):
                exchange.settle(piece, answering.candidates(assistant, piece))
            elif isinstance(piece, Citation):
                exchange.cite(piece)
                cited = True
            else:
                exchange.text += piece
                if time.monotonic() - drawn > REDRAW_SECONDS:
                    paint(busy=True, sources=cited)
                    drawn, cited = time.monotonic(), False
        paint()
        exchange.followups = answering.followups(assistant, conversation, exchange)
        if exchange.status == "not_in_corpus":
            record_gap(exchange)
    except PrepError:
        exchange.status, exchange.text, exchange.citations = "asked", "", []  # answered by itself once the trouble is over
        raise
    finally:
        keep(conversation, exchange)


def begun(conversation: Conversation, exchange: Exchange) -> None:
    """From here on an interruption, such as the Stop button, leaves an answer that was cut off."""
    exchange.status = "open"
    keep(conversation, exchange)


def record_gap(exchange: Exchange) -> None:
    """A refusal goes on the list of what the guides may lack."""
    journal.record(
        load_settings(),
        "gap",
        question=exchange.question,
        understood=exchange.trace["understood"],
        strength=exchange.trace["evidence"]["strength"],
        nearest=[f"{item.title}: {item.heading_path[-1]}" for item in exchange.nearest],
    )


def after(conversation: Conversation, turn: int, last: bool) -> None:
    exchange = conversation.exchanges[turn]
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
    actions(conversation, turn, last)
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


def actions(conversation: Conversation, turn: int, last: bool) -> None:
    exchange = conversation.exchanges[turn]
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
    reason = "" if thumb else st.pills("What is wrong with it?", REASONS, key=f"why-{conversation.id}-{turn}") or ""
    verdict = f"{'up' if thumb else 'down'} {reason}"
    if verdict != exchange.verdict:
        exchange.verdict = verdict
        keep(conversation, exchange)
        record_feedback(conversation, turn)
    st.caption("Thank you. It is kept on this machine, with the trace of the answer.")


def record_feedback(conversation: Conversation, turn: int) -> None:
    exchange = conversation.exchanges[turn]
    verdict, _, reason = exchange.verdict.partition(" ")
    journal.record(
        load_settings(),
        "feedback",
        question=exchange.question,
        history=[earlier.question for earlier in conversation.history(turn)],
        answer=exchange.text,
        verdict=verdict,
        reason=reason,
        citations=[f"[{item.number}] {item.guide}: {item.heading} ({item.place})" for item in exchange.citations],
        trace=exchange.trace,
    )
