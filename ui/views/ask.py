"""The page people keep open: ask, read, check, ask on."""

import time
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from rag import journal
from rag.errors import PrepError
from rag.settings import load_settings
from rag.types import LENGTHS, Answer, Filters, Length
from ui import conversations, panels, session
from ui.conversations import Conversation, Exchange
from ui.panels import LENGTH_NAMES, readable
from ui.render import literal
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
    pending = asked_now(conversation)
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
        with talk:
            for turn, exchange in enumerate(conversation.exchanges):
                slot = st.empty()
                if pending and exchange is conversation.exchanges[-1]:
                    heard(status, "Looking through the guides …")
                    answer_in(slot, conversation, turn)
                    heard(status, f"The answer is there, with {len(exchange.citations)} sources.")
                with st.container(key=f"exchange-{turn}"):
                    show(conversation, turn)
        session.assistant()  # after the page is painted: ready by the time a question is typed


def heard(place: Any, words: str) -> None:
    """Said by a screen reader, seen by nobody."""
    with place:
        html(f'<p class="hidden" role="status">{words}</p>')


def current() -> Conversation:
    """The conversation in the address, else the one of this tab, else a new one."""
    known: Conversation | None = st.session_state.get("conversation")
    name = st.query_params.get("c")
    if name and (known is None or known.id != name):
        known = conversations.load(load_settings(), name)
    elif not name and "q" in st.query_params:
        known = None
    if known is None:
        known = Conversation()
    elif known.exchanges and not name:
        st.query_params["c"] = known.id  # back from another page
    st.session_state["conversation"] = known
    return known


def put(question: str, replaces_last: bool = False, length: Length | None = None) -> None:
    """A button was pressed: ask this in the coming run."""
    if length:
        conversation = st.session_state["conversation"]
        conversation.length = st.session_state[f"length-{conversation.id}"] = length
    st.session_state["put"] = (question, replaces_last)


def asked_now(conversation: Conversation) -> bool:
    """Whether there is a question to answer in this run; it is on disk before the answer begins, in case that is cut off."""
    question, replaces_last = st.session_state.pop("put", ("", False))
    question = (question or st.query_params.get("q", "")).strip()[:LONGEST_QUESTION]
    if "q" in st.query_params:
        del st.query_params["q"]
    if not question:
        return False
    if replaces_last:
        conversation.exchanges.pop()
    conversation.exchanges.append(Exchange(question, conversation.length))
    keep(conversation)
    st.query_params["c"] = conversation.id
    return True


def keep(conversation: Conversation) -> None:
    if conversation.exchanges:
        conversations.save(load_settings(), conversation)


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
    chosen = conversation.filters
    count = sum(len(values) for _, values in chosen.groups())
    with st.popover(f"Filters: {count}" if count else "All guides", type="tertiary", icon=":material/filter_list:"):
        manifest = session.manifest()
        options = session.labels(manifest.generation) if manifest else {}

        def pick(title: str, name: str, values: tuple[str, ...]) -> tuple[str, ...]:
            offered = options.get(name, [])
            picked = st.pills(
                title,
                offered,
                selection_mode="multi",
                default=[value for value in values if value in offered],
                format_func=readable,
                key=f"{name}-{conversation.id}",
            )
            return tuple(picked)

        picked = Filters(
            pick("Area", "area", chosen.areas), pick("Role", "role", chosen.roles), pick("Level", "level", chosen.levels)
        )
    if options and picked != chosen:
        conversation.filters = picked
        keep(conversation)


def answer_in(slot: Any, conversation: Conversation, turn: int) -> None:
    """Stream the answer into its place. However the stream ends, what has been said is kept."""
    exchange = conversation.exchanges[turn]
    with slot.container():
        html(panels.question(exchange, turn))
        with st.columns(BESIDE, gap="large")[0]:
            place = st.empty()
            with place:
                html(panels.answer(exchange, turn, busy=True))
            st.button("Stop", key=f"stop-{turn}", icon=":material/stop_circle:", shortcut="Escape")
    try:
        assistant = session.assistant()
        from ui import answering  # not before the assistant: it imports what takes long

        drawn = 0.0
        for piece in assistant.stream(exchange.question, conversation.history(turn), conversation.filters, exchange.length):
            if isinstance(piece, Answer):
                exchange.settle(piece, answering.candidates(assistant, piece))
            else:
                exchange.text += piece
            if time.monotonic() - drawn > REDRAW_SECONDS:
                with place:
                    html(panels.answer(exchange, turn, busy=True))
                drawn = time.monotonic()
        exchange.followups = answering.followups(assistant, conversation)
        if exchange.status == "not_in_corpus":
            answering.record_gap(assistant, exchange)
        slot.empty()
    except PrepError:
        put(conversation.exchanges.pop().question)  # asked again by itself once the trouble is over
        raise
    finally:
        keep(conversation)


def show(conversation: Conversation, turn: int) -> None:
    """One exchange: the answer, its sources beside it (below it on a phone), and what can be done with it."""
    exchange = conversation.exchanges[turn]
    last = exchange is conversation.exchanges[-1]
    lookup = session.catalogue().document
    html(panels.question(exchange, turn))
    left, right = st.columns(BESIDE, gap="large")
    with left:
        html(panels.answer(exchange, turn))
        for sentence in panels.notes(exchange.trace):
            st.info(literal(sentence), icon=":material/info:")
    with right:
        refused = exchange.status == "not_in_corpus"
        html(panels.nearest(exchange.nearest, turn, lookup) if refused else panels.sources(exchange, turn, lookup))
    with st.columns(BESIDE, gap="large")[0]:  # on a phone: after the sources
        after(conversation, turn, last)


def after(conversation: Conversation, turn: int, last: bool) -> None:
    exchange = conversation.exchanges[turn]
    if exchange.status == "open":
        st.caption("This answer was cut off before its end.")
        if last:
            again = (exchange.question, True)
            st.button("Ask again", key=f"again-{turn}", icon=":material/refresh:", on_click=put, args=again)
        return
    if exchange.status == "not_in_corpus":
        wish(conversation, turn)
    actions(conversation, turn, last)
    html(panels.found(exchange))
    if last and exchange.followups:
        with st.container(key="followups"):
            html(panels.label("Likely to be asked next"))
            for followup in exchange.followups:
                st.button(literal(followup), key=f"next-{turn}-{followup}", on_click=put, args=(followup,), type="tertiary")


def wish(conversation: Conversation, turn: int) -> None:
    exchange = conversation.exchanges[turn]
    if exchange.wanted:
        html('<p class="noted">Noted: this should be covered.</p>')
    elif st.button("This should be covered", key=f"wanted-{turn}", icon=":material/bookmark_add:"):
        journal.record(load_settings(), "wanted", question=exchange.question)
        exchange.wanted = True
        keep(conversation)
        st.rerun()


def actions(conversation: Conversation, turn: int, last: bool) -> None:
    exchange = conversation.exchanges[turn]
    with st.container(key=f"actions-{turn}", horizontal=True, vertical_alignment="center"):
        html(panels.copies(exchange, "?" + urlencode({"q": exchange.question})), width="content")
        thumb = st.feedback("thumbs", key=f"thumb-{conversation.id}-{turn}-{exchange.length}")
        if last and exchange.status == "answered":
            with st.popover("Say it shorter or longer", type="tertiary"):
                for length in LENGTHS:
                    if length != exchange.length:
                        again = (exchange.question, True, length)
                        st.button(LENGTH_NAMES[length], key=f"say-{turn}-{length}", on_click=put, args=again, type="tertiary")
    if thumb is not None:
        verdict = "up" if thumb else "down"
        reason = None if thumb else st.pills("What is wrong with it?", REASONS, key=f"why-{conversation.id}-{turn}")
        if (said := f"{verdict} {reason or ''}") != exchange.verdict:
            exchange.verdict = said
            keep(conversation)
            note(conversation, turn, verdict, reason or "")
        st.caption("Thank you. It is kept on this machine, with the trace of the answer.")


def note(conversation: Conversation, turn: int, verdict: str, reason: str) -> None:
    exchange = conversation.exchanges[turn]
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
