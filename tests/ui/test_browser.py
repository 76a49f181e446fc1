"""The app in a real browser, as a person meets it."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from ingest.sync import synchronise
from rag.embed import OnnxEncoder
from rag.settings import Settings
from tests.chat_server import ChatServer, Request, Says
from tests.ui.conftest import CHROMIUM, GUIDE, HOSTILE_QUESTION, QUESTION, fill, serving

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (apt install chromium)")

LIBRARY_PLACE = f"library?guide={GUIDE.replace('/', '%2F')}"


def ask(page: Page, question: str) -> None:
    box = page.get_by_test_id("stChatInputTextArea")
    expect(box).to_be_visible()
    before = page.locator(".found").count()
    box.fill(question)
    box.press("Enter")
    expect(page.locator(".found")).to_have_count(before + 1)
    expect(page.locator(".answer[aria-busy=true]")).to_have_count(0)


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_a_number_opens_its_source_at_the_quoted_words_and_leads_on_to_the_guide(page: Page, address: str) -> None:
    page.goto(address)
    ask(page, QUESTION)
    quote = page.locator(".source mark[id]").first
    expect(quote).to_be_hidden()
    page.locator("a.cite").first.click()
    expect(quote).to_be_in_viewport()
    marked = quote.inner_text()
    assert marked in page.locator(".answer").inner_text(), "what is marked is what the answer says"
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Read on in the guide").click()
    guide = opened.value
    expect(guide.locator(".guide mark[id]").first).to_be_in_viewport()
    assert guide.locator(".guide mark[id]").first.inner_text().startswith(marked[:40])
    for title in guide.locator(".guide h2").all_inner_texts()[::-1]:  # none is in view by luck: they are too long for one window
        guide.locator(".contents a", has_text=title).click()
        expect(guide.locator(".guide h2", has_text=title)).to_be_in_viewport()


def test_a_number_far_down_opens_its_source_without_losing_the_place(page: Page, address: str) -> None:
    page.goto(address)
    ask(page, QUESTION)
    number, quote = page.locator("a.cite").last, page.locator(".source[open] mark[id]").first
    for width, moves in ((1280, False), (390, True)):
        page.set_viewport_size({"width": width, "height": 600})
        number.scroll_into_view_if_needed()
        before = scrolled(page)
        assert before > 0, "the page is longer than the window"
        number.click()
        expect(quote).to_be_in_viewport()
        assert (scrolled(page) != before) == moves
    page.get_by_role("link", name="Back to the answer").click()
    expect(number).to_be_focused()
    expect(number).to_be_in_viewport()


def scrolled(page: Page) -> int:
    return int(page.get_by_test_id("stMain").evaluate("main => main.scrollTop"))


def test_a_followup_leans_on_the_conversation_and_a_reload_loses_nothing(page: Page, address: str) -> None:
    page.goto(f"{address}/?q={QUESTION}")
    expect(page.locator(".found")).to_have_count(1)
    ask(page, "and what causes it?")
    expect(page.locator(".question").last).to_be_in_viewport()
    expect(page.locator(".answer").last).to_contain_text("skew")
    before = page.locator(".answer").all_inner_texts()
    page.reload()
    expect(page.locator(".found")).to_have_count(2)
    assert page.locator(".answer").all_inner_texts() == before
    page.get_by_role("link", name="Library").click()
    expect(page.locator(".card")).not_to_have_count(0)
    page.get_by_role("link", name="Ask", exact=True).click()
    expect(page.locator(".found")).to_have_count(2)


def test_keyboard_first_the_box_has_the_cursor_and_slash_brings_it_back(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_test_id("stChatInputTextArea")).to_be_focused()
    ask(page, QUESTION)
    page.locator(".found summary").focus()
    page.keyboard.press("/")
    expect(page.get_by_test_id("stChatInputTextArea")).to_be_focused()


def test_copies_carry_the_words_the_sources_and_a_link_that_asks_again(page: Page, address: str) -> None:
    page.goto(address)
    ask(page, QUESTION)

    def copied(name: str) -> str:
        page.get_by_role("button", name=name, exact=True).click()
        expect(page.get_by_role("button", name="Copied")).not_to_have_count(0)
        return str(page.evaluate("navigator.clipboard.readText()"))

    words = copied("Copy")
    assert "[1]" not in words and "\n\n" in words
    assert f"`{GUIDE}:" in copied("Copy with sources")
    page.goto(copied("Copy link"))
    expect(page.locator(".question")).to_have_text(QUESTION)
    expect(page.locator(".found")).to_have_count(1)


def test_hostile_text_in_a_guide_its_name_and_a_question_shows_as_text(page: Page, address: str) -> None:
    page.goto(address)
    ask(page, HOSTILE_QUESTION)
    expect(page.locator(".answer")).to_contain_text('<img src=x onerror="window.hacked = 2">')
    expect(page.locator(".answer")).to_contain_text("$5 or $6")
    expect(page.locator(".sources")).to_contain_text("<script>window.hacked = 1</script>")
    page.locator("a.cite").first.click()
    ask(
        page,
        "<img src=x onerror='window.hacked=5'> **which** <script>window.hacked=6</script> code computes the zebra coefficient?",
    )
    expect(page.locator(".question").last).to_contain_text("<script>window.hacked=6</script>")
    page.goto(f"{address}/library")
    page.get_by_label("Search the guides").fill("zebra")
    page.locator(".card a", has_text="<script>").click()
    expect(page.locator(".guide .katex")).to_have_count(1)
    expect(page.locator(".guide")).to_contain_text("[explained here](javascript:window.hacked=3)")
    assert page.evaluate("window.hacked") is None
    assert page.locator("a[href^='javascript:'], .guide img, .answer img").count() == 0


def test_two_people_never_see_each_others_conversation(page: Page, address: str) -> None:
    page.goto(address)
    ask(page, QUESTION)
    other = page.context.new_page()
    other.goto(address)
    expect(other.locator(".hero")).to_be_visible()
    assert other.locator(".question").count() == 0
    other.close()


def test_nothing_scrolls_sideways_on_a_phone_and_sources_come_before_the_rest(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address)
    ask(page, QUESTION)
    page.locator(".found summary").click()
    page.locator("a.cite").first.click()
    expect(page.locator(".source mark[id]").first).to_be_in_viewport()
    places = [page.locator(name).bounding_box() for name in (".answer", ".sources", ".found")]
    tops = [place["y"] for place in places if place]
    assert tops == sorted(tops) and len(tops) == 3
    assert fits(page)
    for path in ("library", LIBRARY_PLACE, "quality", "settings"):
        page.goto(f"{address}/{path}")
        expect(page.locator(".masthead h1")).to_be_visible()
        assert fits(page), path


def test_axe_finds_nothing_serious_in_light_or_dark(page: Page, address: str) -> None:
    for path in ("", f"?q={QUESTION}", "?q=who won the world cup", "library", LIBRARY_PLACE, "quality", "settings"):
        page.goto(f"{address}/{path}")
        expect(page.locator(".hero, .found, .masthead").first).to_be_visible()
        for closed in page.locator(".source:first-of-type > summary, .found > summary").all():
            closed.click()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(200)
            found = Axe().run(page).response["violations"]
            serious = [(item["id"], item["nodes"][0]["html"]) for item in found if item["impact"] in ("serious", "critical")]
            assert not serious, (path, scheme)


@pytest.fixture
def own(tmp_path: Path, project: Settings) -> Path:
    """A project folder that a test may change."""
    shutil.copytree(project.data_dir.parent, tmp_path, dirs_exist_ok=True, symlinks=True)
    return tmp_path


@pytest.mark.parametrize("index", [True, False], ids=["index", "no index yet"])
def test_dropped_files_are_ingested_skipped_with_a_reason_and_answerable_at_once(page: Page, own: Path, index: bool) -> None:
    if not index:
        shutil.rmtree(own / ".prep" / "index")
    note = (
        "# Quokka smoothing\n\n## What is quokka smoothing?\n\nQuokka smoothing averages a metric over seven happy marsupials.\n"
    )
    with serving(own) as (address, _):
        page.goto(f"{address}/library")
        expect(page.locator(".card" if index else "[data-testid=stAlert]").first).to_be_visible()
        page.get_by_text("Add your own documents").click()
        files = [
            {"name": "quokka <i>notes<i>.md", "mimeType": "text/markdown", "buffer": note.encode()},
            {"name": "empty.md", "mimeType": "text/markdown", "buffer": b""},
        ]
        page.locator("input[type=file]").set_input_files(files)  # type: ignore[arg-type]
        expect(page.get_by_role("button", name="Remove empty.md")).to_be_visible()
        page.wait_for_timeout(500)  # a click before the browser has sent the files is lost in Streamlit's form
        page.get_by_role("button", name="Add to the library").click()
        expect(page.get_by_text("quokka <i>notes<i>.md: added")).to_be_visible()
        expect(page.get_by_text("empty.md was left out")).to_be_visible()
        expect(page.locator(".card")).to_have_count(3)
        page.get_by_role("link", name="Ask", exact=True).click()
        ask(page, "What is quokka smoothing?")
        expect(page.locator(".answer")).to_contain_text("seven happy marsupials")
        page.locator("a.cite").first.click()
        expect(page.locator(".source mark[id]").first).to_be_in_viewport()
        assert [path.name for path in (own / ".prep" / "uploads").iterdir()] == ["quokka <i>notes<i>.md"]


def test_without_an_index_the_page_says_so_and_goes_on_by_itself_once_there_is_one(
    page: Page, tmp_path: Path, encoder: OnnxEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    with serving(tmp_path) as (address, _):
        page.goto(f"{address}/?q={QUESTION}")
        expect(page.get_by_test_id("stAlert")).to_contain_text("python -m ingest")
        synchronise(Settings().model_copy(update={"data_dir": Path(".prep")}), [], encoder=encoder)
        expect(page.locator(".found")).to_have_count(1)
        expect(page.get_by_test_id("stAlert")).to_have_count(0)


def test_the_model_is_loaded_before_the_first_visitor_comes(project: Settings) -> None:
    with serving(project.data_dir.parent) as (_, server):
        loaded = Path(f"/proc/{server.pid}/maps")
        assert "onnxruntime" not in loaded.read_text()
        patience = time.monotonic() + 20
        while "onnxruntime" not in loaded.read_text():
            assert time.monotonic() < patience
            time.sleep(0.2)


@pytest.fixture(scope="session")
def chat() -> Iterator[ChatServer]:
    with ChatServer().running() as server:
        yield server


def slowly(request: Request) -> str:
    """A reply that quotes, cites, and carries what a hostile model might."""
    if not request.ids:  # asked to put a follow-up in words that stand alone
        return QUESTION
    name = request.id_of("Detect train-serve skew by logging")
    words = "Detect train-serve skew by logging the exact feature vector that the service used"
    attack = "<img src=x onerror='window.hacked=7'> [here](javascript:window.hacked=8)"
    return f"{words}. [{name}]\n\n{attack} ![x](http://192.0.2.1/y.png)\n\n" + f"{words}. [{name}] " * 12


def test_a_models_reply_streams_with_live_numbers_can_be_stopped_and_survives_a_dead_server(
    page: Page, own: Path, chat: ChatServer
) -> None:
    chat.plays(Says(slowly, pause=0.05))
    model = {"PREP_LLM": "openai:test", "PREP_LLM_BASE_URL": chat.url, "OPENAI_API_KEY": "any"}
    busy = page.locator(".answer[aria-busy=true]")
    with serving(own, environment=model) as (address, server):
        page.goto(address)
        box = page.get_by_test_id("stChatInputTextArea")
        box.fill(QUESTION)
        box.press("Enter")
        expect(busy.locator("a.cite").first).to_be_visible()
        expect(busy).to_contain_text("<img src=x onerror='window.hacked=7'>")
        page.keyboard.press("Escape")
        expect(page.get_by_text("This answer was cut off before its end.")).to_be_visible()
        expect(page.locator(".answer")).to_contain_text("Detect train-serve skew by logging")
        chat.plays(Says(slowly, pause=0.02))
        page.get_by_role("button", name="Ask again").click()
        busy.locator("a.cite").first.click()
        expect(page.locator(".source[open] mark[id]").first).to_be_in_viewport()
        expect(busy).to_have_count(1)  # opened while the model is still writing
        expect(page.locator(".found")).to_have_count(1)
        expect(page.locator(".source[open] mark[id]").first).to_be_in_viewport()
        page.locator(".found summary").click()
        expect(page.locator(".found")).to_contain_text("openai:test")
        assert page.evaluate("window.hacked") is None and page.locator(".answer img").count() == 0
        chat.plays(Says(slowly, pause=0.05))
        box.fill("How do I detect skew between training and serving?")
        box.press("Enter")
        expect(busy.locator("a.cite").first).to_be_visible()
        server.kill()
        server.wait()
    with serving(own, int(address.rpartition(":")[2])):
        page.reload()
        expect(page.locator(".question")).to_have_count(2)
        page.get_by_role("button", name="Ask again").click()
        expect(page.locator(".found")).to_have_count(2)
