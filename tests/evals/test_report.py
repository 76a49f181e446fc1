"""The report is one file that opens anywhere and shows what people and models wrote as text."""

import re
from html.parser import HTMLParser
from typing import Any

from evals.report import WORST, figures_table, in_short, page, worst
from evals.run import Config, summarise

HOSTILE = "<script>alert(1)</script><img src=http://evil.example/x onerror=alert(1)>\"'&</pre></details>"
CONFIG = Config("dev", None, "standard", "local", "composer", "generation", "abc")


def row(name: str, text: str = "plain", **metrics: float | None) -> dict[str, Any]:
    return {
        "id": name, "style": text, "group": text, "question": text, "history": [text], "status": "scored", "metrics": metrics,
        "facts": [{"fact": text, "rank": None, "stated": False}], "answer": text, "trace": {"understood": text},
        "sentences": [{"text": text, "evidence": text, "supported": False, "founded": False}],
        "passages": [{"heading": text, "place": text, "text": text, "score": 1.0}],
    }  # fmt: skip


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "html", "body"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("html", "body"):
            assert self.open.pop() == tag, "what opens last closes first"

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    return tags


def hostile_page() -> str:
    failed = {**row("bad", HOSTILE), "status": "failed", "error": HOSTILE, "answer": ""}
    rows = [row("a" + HOSTILE, HOSTILE, **{"recall@8": 0.5, "facts_stated": 0.5}), failed]
    return page(summarise(rows, CONFIG, 1), rows)


def test_what_people_wrote_is_shown_and_never_run() -> None:
    tags = parsed(hostile_page())
    assert not {"script", "img", "iframe", "link", "object", "form"} & {tag for tag, _ in tags.seen}
    assert not any(name.startswith("on") for _, attributes in tags.seen for name in attributes)
    assert tags.text.count("<script>alert(1)</script>") >= 12, (
        "in question, history, answer, facts, sentences, passages, error, charts"
    )


def test_the_report_is_self_contained() -> None:
    html = hostile_page()
    tags = parsed(html)
    assert not [attributes for _, attributes in tags.seen if {"src", "href", "srcset", "data", "action"} & set(attributes)]
    assert not re.search(r"@import|url\(", html)


def test_figures_stand_with_their_interval_and_both_counts() -> None:
    rows = [row("a", mrr=1.0), row("b", mrr=0.5), row("c", mrr=None)]
    assert re.search(
        r'mrr</th><td class="number">0\.750</td>.*?<td class="number">2</td><td class="number">1</td>',
        page(summarise(rows, CONFIG, 0), rows),
    )


def test_a_bar_is_as_long_as_its_mean_and_its_band_as_its_interval() -> None:
    share = {"mean": 0.5, "low": 0.25, "high": 0.75, "scored": 8, "unscored": 0}
    drawn = figures_table("title", {"mrr": share, "words": {**share, "mean": 180.0, "high": 200.0}})
    assert '<i style="width:50.0%"></i><b style="left:25.0%;width:50.0%"></b>' in drawn
    assert drawn.count("<i ") == 1, "what is no share has no bar"
    assert figures_table("nothing", {}) == ""


def test_the_worst_come_first_failures_then_wrong_refusals_then_what_stated_least() -> None:
    rows = [
        row("good", facts_stated=1.0, over_refusal=0.0),
        row("half", facts_stated=0.5, over_refusal=0.0),
        row("invents", facts_stated=0.5, hallucination=0.3, over_refusal=0.0),
        row("refused", facts_stated=None, over_refusal=1.0),
        row("let through", refused=0.0),
        {**row("failed"), "status": "failed"},
    ]
    assert [item["id"] for item in worst(rows)] == ["failed", "let through", "refused", "invents", "half", "good"]
    assert len(worst([row(str(number), facts_stated=0.5) for number in range(50)])) == WORST


def test_what_is_wrong_with_an_answer_is_said_in_words() -> None:
    rows = [
        row("half", facts_stated=0.5, hallucination=0.0),
        row("invents", facts_stated=None, hallucination=0.3),
        row("refused", over_refusal=1.0),
        row("let through", refused=0.0),
        {**row("failed"), "status": "failed"},
    ]
    assert [in_short(item)["fault"] for item in rows] == [
        "50% of the expected facts stated", "says what its sources do not", "refused, though the guides answer it",
        "answered, though the guides do not", "failed",
    ]  # fmt: skip
