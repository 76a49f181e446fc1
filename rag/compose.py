"""The offline answer: sentences and blocks quoted from the passages, ordered so they read as one, every one of them cited."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, product

from rag.agree import compared
from rag.cite import Cited, Section, Segment, resolve
from rag.draft import BUDGETS, Draft, Offer
from rag.embed import Floats
from rag.index import Index
from rag.kinds import lead_bonus, needs, wants_code
from rag.pieces import SPEECH, Pieces, cut_up, weighed
from rag.retrieve import Found, Retrieval
from rag.types import Length, Passage, Turn
from rag.understand import bare_question
from rag.words import flat

IMPERATIVE = re.compile(r"(explain|describe|compare|implement|write|design|give|show|define|code|walk)\b", re.I)
WRONG = re.compile(r"\b(wrong answer|false belief|mistake|myth|misconception)\b", re.I)
PREMISE, DISSENT = "What the question takes for granted", "Another guide says otherwise"
PREMISE_SCORE = 0.18  # how well the correction of a belief must meet it
PREMISE_PASSAGES = 5
TOLD = 0.2  # off a passage whose beginning the conversation has heard already


def compose(found: Found, enough: Sequence[bool], index: Index, length: Length, history: Sequence[Turn] = ()) -> Cited | None:
    """An answer to the question, or to each of its parts that the guides answer; None when nothing can be quoted.

    Before it stands what is wrong with what the question takes for granted, after it what another guide says against it.
    """
    tasks = tasks_of(found, enough)
    heard = flat(" ".join(turn.answer for turn in history))
    said = correction(found.premise, index) if found.premise else []
    plans = planned(tasks, index, heard, said)
    if said and not any(plans):  # the passage that puts the belief right is all there is
        said, plans = [], planned(tasks, index, heard, [])
    if not any(plans):
        return None
    share = min(1.4 / len(tasks), 1.0)  # several parts make smaller answers, of a better half each
    told = [unit.terms for segment in said for unit in segment.units]
    leads = [plan.lead for plan in plans if plan]
    drafts = [plan.draft(told, leads) if plan else None for plan in plans]
    for budget in list(BUDGETS.values())[: list(BUDGETS).index(length) + 1]:
        for own in filter(None, drafts):
            away = set[int]().union(*(other.rows for other in drafts if other and other is not own))
            smaller = replace(budget, words=int(budget.words * share), sections=max(int(budget.sections * share), 2))
            own.grow(smaller, away)
    answered = [Section(PREMISE, tuple(said))] if said else []
    for task, draft in zip(tasks, drafts, strict=True):
        segments = draft.segments() if draft else []
        said = [*said, *segments]
        title = " ".join(map(as_title, task.asked)) if len(tasks) > 1 or answered else ""
        place = None if segments or not task.answered else where_quoted(task.retrieval.sections[0], answered)
        if place is None:
            answered.append(Section(title, tuple(segments)))
        else:
            answered[place] = replace(answered[place], title=f"{answered[place].title} {title}")
    passages = [passage for task in tasks for passage in (*task.retrieval.sections, *task.retrieval.twins)]
    echoed, against = compared(said, passages)
    segments_in_order = iter(echoed)
    answered = [replace(part, segments=tuple(islice(segments_in_order, len(part.segments)))) for part in answered]
    return resolve([*answered, Section(DISSENT, tuple(against))] if against else answered)


def correction(premise: Retrieval, index: Index) -> list[Segment]:
    """The sentence that puts right what the question takes for granted, where a guide has one."""
    wrong = [
        (score, Segment(item.passage, (unit,)))
        for item in cut_up(premise, index)[:PREMISE_PASSAGES]
        for unit, score in zip(item.units, item.scores, strict=True)
        if unit.kind == "sentence" and score >= PREMISE_SCORE and WRONG.search(unit.text)
    ]
    return [segment for _, segment in sorted(wrong, key=lambda found: -found[0])[:1]]


def where_quoted(passage: Passage, answered: Sequence[Section]) -> int | None:
    """The section that has the passage already: what answers two parts is given once."""
    quoted = [{row for segment in section.segments for row in segment.passage.rows} for section in answered]
    return next((place for place, rows in enumerate(quoted) if not rows.isdisjoint(passage.rows)), None)


@dataclass(frozen=True)
class Task:
    """One thing to answer: the question, or a part of it with what was asked in vain about the same subject."""

    asked: tuple[str, ...]
    retrieval: Retrieval
    answered: bool


def tasks_of(found: Found, enough: Sequence[bool]) -> list[Task]:
    """A part without evidence goes with the first, whose subject it shares; one with a subject of its own stays unanswered."""
    if not found.understood.parts:
        return [Task((found.understood.text,), found.retrievals[0], enough[0])]
    tasks: list[Task] = []
    for part, retrieval, answered in zip(found.understood.parts, found.retrievals, enough, strict=True):
        if tasks and part.leans and not answered:
            tasks[0] = replace(tasks[0], asked=(*tasks[0].asked, part.asked))
        else:
            tasks.append(Task((part.asked,), retrieval, answered))
    return tasks


def as_title(part: str) -> str:
    """A part of the question as the line above its answer."""
    words = re.sub(r"^\W*(and|but|also|so|then|plus)[\s,]+", "", bare_question(part), flags=re.I).strip(" .,;?")
    words = re.sub(r"\bi\b(?!\.)", "I", words)
    return f"{words[:1].upper()}{words[1:]}{'' if IMPERATIVE.match(words) else '?'}"


@dataclass(frozen=True)
class Plan:
    """What one task is answered from: the passages in pieces, and the one that leads."""

    question: str
    found: Sequence[Pieces]
    lead: Pieces

    def draft(self, told: list[frozenset[str]], leads: Sequence[Pieces]) -> Draft:
        """An answer to begin; the passages that lead another part's are left to that.

        Speech in the first person makes sense only in its own passage.
        """
        others = {row for lead in leads if lead is not self.lead for row in lead.passage.rows}
        fresh = [item for item in self.found if item is self.lead or others.isdisjoint(item.passage.rows)]
        leading = fresh.index(self.lead)
        pieces = weighed(fresh, leading)
        offers = (
            Offer(item, place, unit, worth)
            for item in pieces
            for place, (unit, worth) in enumerate(zip(item.units, item.worth, strict=True))
            if item is pieces[leading] or unit.kind != "sentence" or not SPEECH.search(unit.text)
        )
        return Draft(pieces[leading], offers, needs(self.question), told, with_code=wants_code(self.question, self.lead))


def planned(tasks: Sequence[Task], index: Index, heard: str, said: Sequence[Segment] = ()) -> list[Plan | None]:
    """What each task is answered from; of all ways to give every task a lead of its own, the one that fits best in sum."""
    quoted = {row for segment in said for row in segment.passage.rows}
    options: list[list[tuple[float, Plan | None]]] = []
    for task in tasks:
        question = " ".join(task.asked)
        found = [item for item in cut_up(task.retrieval, index) if task.answered and quoted.isdisjoint(item.passage.rows)]
        plans = []
        for item in found:
            fit = item.passage.score + lead_bonus(question, item)
            if len(tasks) > 1:
                fit += known_for(item, task.retrieval.query.own, index)
            fit -= TOLD * (flat(item.units[0].text) in heard)
            plans.append((fit, Plan(question, found, item)))
        options.append([*sorted(plans, key=lambda option: -option[0])[: len(tasks)], (0.0, None)])
    choices = (choice for choice in product(*options) if distinct([plan.lead for _, plan in choice if plan]))
    return [plan for _, plan in max(choices, key=lambda choice: sum(fit for fit, _ in choice))]


def distinct(leads: Sequence[Pieces]) -> bool:
    rows = [row for lead in leads for row in lead.passage.rows]
    return len(rows) == len(set(rows))


def known_for(item: Pieces, own: Floats, index: Index) -> float:
    """How near a part of the question is, without the subject of the first, to what the passage is known to answer."""
    return max(float((index.arrays.questions_of(row) @ own).max()) for row in item.passage.rows)
