"""The guides: browse, search, read, add your own."""

import datetime
import re
import statistics
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import streamlit as st

from rag.errors import PrepError
from rag.settings import Settings, load_settings
from rag.types import Document
from ui import session
from ui.panels import guide_link, label, masthead, readable
from ui.render import document_markup, escape, guide_address, literal, sections
from ui.session import html

UPDATED = re.compile(r"^updated:\s*(\d{4}-\d{2}-\d{2})", re.M)
FORMATS = ["md", "markdown", "txt", "html", "htm", "pdf", "docx", "csv", "ipynb"]
MATCHING_HEADINGS = 3
LONGEST_STEM = 200  # bytes; file systems stop at 255
OWN = "Your documents"
LONG_AGO = datetime.date.min


def draw() -> None:
    asked_for = st.query_params.get("guide")
    read(asked_for) if asked_for else browse()


def uploads(settings: Settings) -> Path:
    return settings.data_dir / "uploads"


def is_upload(doc_id: str, settings: Settings) -> bool:
    return Path(doc_id).absolute().is_relative_to(uploads(settings).absolute())


def updated(document: Document, settings: Settings) -> datetime.date | None:
    if stated := UPDATED.search(document.text[: document.body_start]):
        with suppress(ValueError):
            return datetime.date.fromisoformat(stated[1])
    path = Path(document.id)
    return datetime.date.fromtimestamp(path.stat().st_mtime) if is_upload(document.id, settings) and path.exists() else None


def browse() -> None:
    html(masthead("Library", "What every answer is made of."))
    settings = load_settings()
    with st.expander("Add your own documents", icon=":material/upload_file:"):
        add(settings)
    catalogue = session.catalogue()
    documents = [entry.document for entry in catalogue.entries()]
    with st.container(key="search"):
        words = st.text_input("Search the guides", placeholder="Search titles, headings and text", type="search", live="250ms")
        with st.container(horizontal=True):
            area, role, level = (
                st.selectbox(name.capitalize(), catalogue.labels(name), None, readable, placeholder=f"Every {name}")
                for name in ("area", "role", "level")
            )
            order = st.selectbox("Order", ["By area", "Newest first"])
    chosen = [
        document for document in search(words, documents)
        if area in (None, document.area) and role in (None, *document.roles) and level in (None, document.level)
    ]  # fmt: skip
    st.caption(f"{len(chosen)} of {len(documents)} documents")
    days = {document.id: updated(document, settings) or LONG_AGO for document in documents}
    usual = statistics.median_low([day for day in days.values() if day > LONG_AGO] or [LONG_AGO])
    if order == "Newest first" and not words.strip():
        chosen.sort(key=lambda document: days[document.id], reverse=True)
    shelves: dict[str, str] = {}
    for document in chosen:
        own = OWN if is_upload(document.id, settings) else readable(document.area) or "Other documents"
        name = own if order == "By area" and not words.strip() else ""
        shelves[name] = shelves.get(name, "") + card(document, words, days[document.id], usual)
    for name, cards in sorted(shelves.items(), key=lambda shelf: (shelf[0] != OWN, shelf[0])):
        heading = f"<h2>{escape(name)}</h2>" if name else ""
        html(f'<div class="shelf">{heading}<div class="cards">{cards}</div></div>')


def search(words: str, documents: Sequence[Document]) -> list[Document]:
    """Documents with every word, those that say so in their title or headings first."""
    wanted, scored = words.lower().split(), []
    for document in documents:
        title = " ".join([document.title, *document.aliases]).lower()
        headings = " ".join(section.title for section in sections(document)).lower()
        text = document.text.lower()
        if all(word in text or word in title for word in wanted):
            scored.append((sum(8 * (word in title) + 3 * (word in headings) for word in wanted), document))
    return [document for _, document in sorted(scored, key=lambda item: -item[0])]


def card(document: Document, words: str, day: datetime.date, usual: datetime.date) -> str:
    """A document on its shelf; what is younger than most of the library is called new."""
    found = sections(document)
    size = f"{len(found)} section{'s' * (len(found) > 1)}" if document.format == "markdown" else "plain text"
    facts = [readable(document.level), size, f"{day:%-d %B %Y}" if day > LONG_AGO else ""]
    hits = [item for item in found if any(word in item.title.lower() for word in words.lower().split())]
    links = [guide_link(item.title, document.id, item.start, target="_self") for item in hits[:MATCHING_HEADINGS]]
    listed = f"<ul><li>{'</li><li>'.join(links)}</li></ul>" if links else ""
    new = "<b class=new>New</b>" if day > usual else ""
    described = escape(" · ".join(filter(None, facts)))
    return f'<div class="card">{guide_link(document.title, document.id, target="_self")}{new}<p>{described}</p>{listed}</div>'


def read(doc_id: str) -> None:
    """A guide with its table of contents, the quoted span marked when a citation led here."""
    document = session.catalogue().document(doc_id)
    html('<p class="back"><a href="library" target="_self">← Library</a></p>')
    if document is None:
        st.warning(f"There is no document {literal(doc_id)} in the library. It may have been renamed or removed.")
        return
    start, end = (int(value) if (value := st.query_params.get(name, "")).isdecimal() else 0 for name in ("from", "to"))
    mark = (start, end) if document.body_start <= start < end <= len(document.text) else None
    facts = [readable(document.area), readable(document.level), ", ".join(map(readable, document.roles)), document.id]
    html(masthead(document.title, " · ".join(filter(None, facts))))
    contents, text = st.columns([4, 11], gap="large")
    with contents:
        items = "".join(
            f'<li class="level-{item.level}"><a href="#at-{item.start}">{escape(item.title)}</a></li>'
            for item in sections(document)
        )
        html(f'<nav class="contents" aria-label="Contents">{label("Contents")}<ol>{items}</ol></nav>')
    with text:
        body = document_markup(document, document.body_start, len(document.text), mark)
        goal = "quoted" if mark else f"at-{start}" if start else ""
        html(f'<div class="guide" data-goal="{goal}">\n{body}</div>')
        if is_upload(doc_id, load_settings()) and st.button("Remove this document", icon=":material/delete:"):
            remove(doc_id, load_settings())


def add(settings: Settings) -> None:
    """Dropped files go through the same ingest as everything else, and can be asked about at once."""
    st.caption("Notes, PDFs, question banks. They stay on this machine, and answers quote them at once.")
    if session.manifest() is None:
        st.caption("Nothing has been ingested yet: the guides are read along with what you add, which takes some minutes.")
    with st.form("upload", clear_on_submit=True, border=False):
        files = st.file_uploader("Documents", type=FORMATS, accept_multiple_files=True, label_visibility="collapsed")
        sent = st.form_submit_button("Add to the library", type="primary")
    if sent and files:
        uploads(settings).mkdir(parents=True, exist_ok=True)
        paths = [uploads(settings) / safe_name(file.name) for file in files]
        replaced = {path: path.read_bytes() for path in paths if path.exists()}
        try:
            for path, file in zip(paths, files, strict=True):
                path.write_bytes(file.getvalue())
            report(paths, settings)
        except PrepError as error:
            for path in paths:
                path.write_bytes(replaced[path]) if path in replaced else path.unlink(missing_ok=True)
            st.error(literal(str(error)), icon=":material/error:")


def safe_name(name: str) -> str:
    """A plain name inside the folder, whatever the browser sent; a readme of one's own is a document too."""
    path = Path(name.replace("\\", "/").replace("\0", ""))
    stem = path.stem.lstrip(". ").encode()[:LONGEST_STEM].decode(errors="ignore") or "document"
    return f"{'about' if stem.lower() == 'readme' else stem}{path.suffix.lower()}"


def report(paths: Sequence[Path], settings: Settings) -> None:
    """Ingest the folder of uploads, where there is no index yet the guides with it, and say of every file what became of it."""
    from ingest.scan import identify
    from ingest.sync import synchronise

    bar = st.progress(0.0, "Reading …")

    def progress(done: int, total: int) -> None:
        bar.progress(done / total if total else 1.0, f"{done} of {total} passages")

    roots, encoder = [uploads(settings)], None
    if session.manifest():
        encoder = session.assistant().encoder
    elif settings.corpus_dir.exists():
        roots.append(settings.corpus_dir)
    outcome = synchronise(settings, roots, progress=progress, encoder=encoder)
    bar.empty()
    reasons = {item.doc_id: item.reason for item in outcome.plan.skipped}
    for path in paths:
        name = identify(path)
        if name in reasons:
            path.unlink(missing_ok=True)
            st.warning(f"{literal(path.name)} was left out: {literal(reasons[name])}", icon=":material/block:")
        else:
            what = "added" if name in outcome.plan.added else "replaced" if name in outcome.plan.changed else "already there"
            st.success(f"{literal(path.name)}: {what}. [Read it]({guide_address(name)})", icon=":material/check:")


def remove(doc_id: str, settings: Settings) -> None:
    from ingest.sync import synchronise

    Path(doc_id).unlink(missing_ok=True)
    synchronise(settings, [uploads(settings)], prune_all=True, encoder=session.assistant().encoder)
    st.query_params.clear()
    st.rerun()
