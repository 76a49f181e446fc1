"""The guides: browse, search, read, add your own."""

import datetime
import re
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from rag.errors import PrepError
from rag.settings import Settings, load_settings
from rag.types import Document
from ui import session
from ui.panels import label, masthead, readable
from ui.render import document_markup, escape, guide_address, literal, sections
from ui.session import html

UPDATED = re.compile(r"^updated:\s*(\d{4}-\d{2}-\d{2})", re.M)
FORMATS = ["md", "markdown", "txt", "html", "htm", "pdf", "docx", "csv", "ipynb"]
MATCHING_HEADINGS = 3


def draw() -> None:
    asked_for = st.query_params.get("guide")
    if asked_for:
        read(asked_for)
    else:
        browse()


def uploads(settings: Settings) -> Path:
    return settings.data_dir / "uploads"


def is_upload(doc_id: str, settings: Settings) -> bool:
    return Path(doc_id).absolute().is_relative_to(uploads(settings).absolute())


def updated(document: Document, settings: Settings) -> datetime.date | None:
    if stated := UPDATED.search(document.text[: document.body_start]):
        return datetime.date.fromisoformat(stated[1])
    path = Path(document.id)
    return datetime.date.fromtimestamp(path.stat().st_mtime) if is_upload(document.id, settings) and path.exists() else None


def browse() -> None:
    html(masthead("Library", "What every answer is made of."))
    settings = load_settings()
    with st.expander("Add your own documents", icon=":material/upload_file:"):
        add(settings)
    generation = session.manifest()
    if generation is None:
        session.catalogue()  # says what to do
        return
    documents = session.guides(generation.generation)
    labels = session.labels(generation.generation)
    with st.container(key="search"):
        words = st.text_input("Search the guides", placeholder="Search titles, headings and text", type="search", live="250ms")
        with st.container(horizontal=True):
            area = st.selectbox("Area", ["", *labels["area"]], format_func=lambda name: readable(name) or "Every area")
            role = st.selectbox("Role", ["", *labels["role"]], format_func=lambda name: readable(name) or "Every role")
            level = st.selectbox("Level", ["", *labels["level"]], format_func=lambda name: readable(name) or "Every level")
            order = st.selectbox("Order", ["By area", "Newest first"])
    chosen = [
        document for document in documents
        if (not area or document.area == area) and (not role or role in document.roles) and (not level or document.level == level)
    ]  # fmt: skip
    if words and words.strip():
        chosen = search(words, chosen)
        order = "As found"
    st.caption(f"{len(chosen)} of {len(documents)} documents")
    days = {document.id: updated(document, settings) for document in documents}
    usual = statistics.median_low(sorted(day for day in days.values() if day) or [datetime.date.min])
    for title, group in grouped(chosen, order, days, settings):
        cards = "".join(card(document, words or "", days[document.id], usual) for document in group)
        heading = f"<h2>{escape(title)}</h2>" if title else ""
        html(f'<div class="shelf">{heading}<div class="cards">{cards}</div></div>')


def search(words: str, documents: Sequence[Document]) -> list[Document]:
    """Documents with every word, those that say so in their title or headings first."""
    wanted = words.lower().split()

    def score(document: Document) -> int:
        title = " ".join([document.title, *document.aliases]).lower()
        headings = " ".join(section.title for section in sections(document)).lower()
        text = document.text.lower()
        if not all(word in text or word in title for word in wanted):
            return 0
        return sum(1 + 8 * (word in title) + 3 * (word in headings) for word in wanted)

    scores = {document.id: score(document) for document in documents}
    return sorted((document for document in documents if scores[document.id]), key=lambda document: -scores[document.id])


def grouped(
    documents: Sequence[Document], order: str, days: Mapping[str, datetime.date | None], settings: Settings
) -> list[tuple[str, list[Document]]]:
    if order == "As found":
        return [("", list(documents))]
    if order == "Newest first":
        return [("", sorted(documents, key=lambda document: days[document.id] or datetime.date.min, reverse=True))]
    groups: dict[str, list[Document]] = {}
    for document in documents:
        name = "Your documents" if is_upload(document.id, settings) else readable(document.area) or "Other documents"
        groups.setdefault(name, []).append(document)
    return sorted(groups.items(), key=lambda item: (item[0] != "Your documents", item[0]))


def card(document: Document, words: str, day: datetime.date | None, usual: datetime.date) -> str:
    """A document on its shelf; what is younger than most of the library is called new."""
    fresh = day is not None and day > usual
    facts = [readable(document.level)] if document.level else []
    facts += (
        [f"{len(sections(document))} section{'s' * (len(sections(document)) > 1)}"]
        if document.format == "markdown"
        else ["plain text"]
    )
    facts += [f"{day:%-d %B %Y}"] if day else []
    wanted = words.lower().split()
    hits = [item for item in sections(document) if wanted and any(word in item.title.lower() for word in wanted)]
    found = "".join(
        f'<li><a href="{escape(guide_address(document.id, item.start))}" target="_self">{escape(item.title)}</a></li>'
        for item in hits[:MATCHING_HEADINGS]
    )
    title = f'<a class="title" href="{escape(guide_address(document.id))}" target="_self">{escape(document.title)}</a>'
    new = "<b class=new>New</b>" if fresh else ""
    return f'<div class="card">{title}{new}<p>{escape(" · ".join(facts))}</p>{f"<ul>{found}</ul>" if found else ""}</div>'


def read(doc_id: str) -> None:
    """One guide with its table of contents, the quoted span marked when a citation led here."""
    document = session.catalogue().document(doc_id)
    html('<p class="back"><a href="library" target="_self">← Library</a></p>')
    if document is None:
        st.warning(f"There is no document {literal(doc_id)} in the library. It may have been renamed or removed.")
        return
    found = sections(document)
    span = [int(value) if value.isdecimal() else 0 for value in (st.query_params.get("from", ""), st.query_params.get("to", ""))]
    mark = (span[0], span[1]) if 0 < span[0] < span[1] <= len(document.text) else None
    contents, text = st.columns([4, 11], gap="large")
    with contents:
        links = ((item.level, f'<a href="#{item.anchor}">{escape(item.title)}</a>') for item in found)
        items = "".join(f'<li class="level-{level}">{link}</li>' for level, link in links)
        html(f'<nav class="contents" aria-label="Contents">{label("Contents")}<ol>{items}</ol></nav>')
    with text:
        facts = [readable(document.area), readable(document.level), ", ".join(map(readable, document.roles)), document.id]
        html(masthead(document.title, " · ".join(filter(None, facts))))
        body = document_markup(document, document.body_start, len(document.text), mark)
        goal = "quoted" if mark else f"at-{span[0]}" if span[0] else ""
        html(f'<div class="guide" data-goal="{goal}">\n{body}</div>')
        settings = load_settings()
        if is_upload(doc_id, settings) and st.button("Remove this document", icon=":material/delete:"):
            remove(doc_id, settings)


def add(settings: Settings) -> None:
    """Dropped files go through the same ingest as everything else, and can be asked about at once."""
    st.caption("Notes, PDFs, question banks. They stay on this machine, and answers quote them at once.")
    with st.form("upload", clear_on_submit=True, border=False):
        files = st.file_uploader("Documents", type=FORMATS, accept_multiple_files=True, label_visibility="collapsed")
        sent = st.form_submit_button("Add to the library", type="primary")
    if sent and files:
        folder = uploads(settings)
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for file in files:
            paths.append(folder / safe_name(file.name))
            paths[-1].write_bytes(file.getvalue())
        try:
            report(paths, settings)
        except PrepError as error:
            for path in paths:
                path.unlink(missing_ok=True)
            st.error(literal(str(error)), icon=":material/error:")


def safe_name(name: str) -> str:
    """A plain name inside the folder, whatever the browser sent; a readme of one's own is a document too."""
    path = Path(name.replace("\\", "/").replace("\0", ""))
    stem = path.stem.lstrip(". ") or "document"
    return f"{'about' if stem.lower() == 'readme' else stem[:100]}{path.suffix.lower()}"


def report(paths: Sequence[Path], settings: Settings) -> None:
    """Ingest the folder of uploads and say of every file what became of it."""
    from ingest.scan import identify
    from ingest.sync import synchronise

    bar = st.progress(0.0, "Reading …")

    def progress(done: int, total: int) -> None:
        bar.progress(done / total if total else 1.0, f"{done} of {total} passages")

    outcome = synchronise(settings, [uploads(settings)], progress=progress, encoder=session.assistant().encoder)
    bar.empty()
    reasons = {item.doc_id: item.reason for item in outcome.plan.skipped}
    for path in paths:
        name = identify(path)
        if name in reasons:
            path.unlink(missing_ok=True)
            st.warning(f"{literal(path.name)} was left out: {literal(reasons[name])}", icon=":material/block:")
        else:
            what = "added" if name in outcome.plan.added else "replaced" if name in outcome.plan.changed else "already there"
            link = guide_address(name)
            st.success(f"{literal(path.name)}: {what}. [Read it]({link})", icon=":material/check:")


def remove(doc_id: str, settings: Settings) -> None:
    from ingest.sync import synchronise

    Path(doc_id).unlink(missing_ok=True)
    synchronise(settings, [uploads(settings)], prune_all=True, encoder=session.assistant().encoder)
    st.query_params.clear()
    st.rerun()
