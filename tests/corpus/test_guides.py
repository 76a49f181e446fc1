"""The house rules of `corpus/README.md`, enforced."""

import collections
import datetime
import json
import re
from pathlib import PurePosixPath

import pytest

from tests.corpus.guides import ROOT, Guide, guides

AREAS = {
    "loops", "statistics", "math", "fundamentals", "data", "evaluation", "deep-learning",
    "debugging", "systems", "llm", "coding", "behavioural", "plan",
}  # fmt: skip
GOLDEN = ROOT.parent / "evals" / "golden"
ROLES = {"mle", "data-scientist", "applied-scientist", "ai-engineer", "intern", "career-switcher"}
BARE_HEADINGS = re.compile(r"^(overview|introduction|summary|conclusion|definition|detection|fix|example|follow-ups?)$", re.I)
every_guide = pytest.mark.parametrize("guide", guides(), ids=lambda guide: guide.slug)


@every_guide
def test_front_matter_is_complete(guide: Guide) -> None:
    meta = guide.meta
    assert set(meta) == {"title", "area", "roles", "level", "tags", "aliases", "updated", "references"}
    assert meta["area"] == guide.slug.split("/")[0] and meta["area"] in AREAS
    assert meta["roles"] and set(meta["roles"]) <= ROLES
    assert meta["level"] in {"core", "deep"}
    assert isinstance(meta["updated"], datetime.date)
    for key in ("tags", "aliases", "references"):
        assert meta[key] and all(isinstance(item, str) for item in meta[key]), f"{key}: a list of strings"
    assert all(re.search(r"\b(1[789]|20)\d\d\b", reference) for reference in meta["references"]), "a reference without a year"


@every_guide
def test_asks_belong_to_headings_that_exist(guide: Guide) -> None:
    asks = guide.asks
    assert set(asks) <= {title for _, title in guide.headings}
    for ask in (ask for asked in asks.values() for ask in asked):
        assert isinstance(ask, str) and 3 <= len(ask.split()) <= 30, ask


@every_guide
def test_no_ask_stands_twice_under_a_heading(guide: Guide) -> None:
    for asked in guide.asks.values():
        assert len({ask.strip("+ ?.") for ask in asked}) == len(asked), asked


def test_no_ask_is_a_golden_question() -> None:
    golden = [json.loads(line)["question"] for path in GOLDEN.glob("*.jsonl") for line in path.read_text().splitlines()]
    asked = {ask.strip("+ ?.") for guide in guides() for asks in guide.asks.values() for ask in asks}
    assert asked & {question.lower().strip(" ?.") for question in golden} == set()


@every_guide
def test_length_is_between_900_and_2000_words(guide: Guide) -> None:
    assert 900 <= len(guide.body.split()) <= 2000


@every_guide
def test_sections_are_many_and_none_is_empty(guide: Guide) -> None:
    levels = [level for level, _ in guide.headings]
    assert set(levels) <= {2, 3} and 7 <= levels.count(2) <= 14
    parts = re.split(r"^(#{2,3}) (.+)$", re.sub(r"```.*?```", "code", guide.body, flags=re.S), flags=re.M)
    sections = list(zip(parts[1::3], parts[2::3], parts[3::3], strict=True))
    for (level, title, text), following in zip(sections, [*sections[1:], ("##", "", "")], strict=True):
        holds_subsections = level == "##" and following[0] == "###"
        assert text.strip() or holds_subsections, f"empty section: {title}"


@every_guide
def test_the_closing_sections_are_there(guide: Guide) -> None:
    titles = [title for _, title in guide.headings]
    assert any(re.fullmatch(r"How do you explain .+ in 60 seconds\?", title) for title in titles)
    assert any(re.fullmatch(r"What is the classic wrong answer (about|on|to) .+\?", title) for title in titles)
    assert re.fullmatch(r"Likely follow-ups on .+", next(title for level, title in reversed(guide.headings) if level == 2))
    follow_ups = [level for level, _ in guide.headings][-6:].count(3)
    assert follow_ups >= 3


@every_guide
def test_headings_stand_alone(guide: Guide) -> None:
    for _, title in guide.headings:
        assert not BARE_HEADINGS.match(title) and len(title.split()) >= 3, f"names no subject: {title}"


@every_guide
def test_prose_has_no_dollar_signs_outside_formulas(guide: Guide) -> None:
    prose = re.sub(r"```.*?```|\$\$.*?\$\$|`[^`\n]*`", "", guide.body, flags=re.S)
    assert "$" not in prose


@every_guide
def test_links_lead_somewhere(guide: Guide) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```|`[^`\n]*`", "", guide.body, flags=re.S)):
        assert target.endswith(".md") and not target.startswith(("http", "/")), f"not a relative guide link: {target}"
        assert (ROOT / guide.slug).parent.joinpath(PurePosixPath(target)).resolve().is_file(), f"dead link: {target}"


def test_titles_and_headings_are_unique() -> None:
    titles = collections.Counter(guide.meta["title"] for guide in guides())
    headings = collections.Counter(title.lower() for guide in guides() for _, title in guide.headings)
    assert [title for title, count in (titles + headings).items() if count > 1] == []
