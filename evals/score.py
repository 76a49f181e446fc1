"""One question asked and its answer measured. A measure that cannot be taken is None, never zero."""

import re
from collections.abc import Sequence
from typing import Any

from evals.dataset import Evidence, Place, Question
from evals.judge import Judge
from evals.metrics import average, ndcg, reciprocal_rank
from rag import markers
from rag.markers import Statement
from rag.types import Answer, Passage
from rag.words import flat

DEPTHS = (1, 3, 5, 8)
OVERLAP = 0.9  # of a quote's characters: an answer may drop a full stop
TITLE = re.compile(r"\*\*[^*]+\*\*|\*The guides do not answer this part\.\*")
GOOD_FACTS = 2 / 3


def statements(text: str) -> list[Statement]:
    """What the answer claims: its sentences, list items and blocks, less the titles that only say what was asked."""
    return [statement for statement in markers.statements(text) if statement.numbers or not TITLE.fullmatch(statement.text)]


def retrieval_metrics(
    facts: Sequence[Sequence[Place]], passages: Sequence[Passage]
) -> tuple[dict[str, float | None], list[int | None]]:
    """Measures of a ranking by character span, and the rank at which each fact is first stated."""
    held = [
        [any(overlaps(place, s.doc_id, s.start, s.end) for place in places for s in passage.sources) for passage in passages]
        for places in facts
    ]
    ranks = [told.index(True) + 1 if True in told else None for told in held]
    relevance = {str(rank): int(any(column)) for rank, column in enumerate(zip(*held, strict=True), 1)}
    names = list(relevance)
    metrics: dict[str, float | None] = {
        f"recall@{k}": average([rank is not None and rank <= k for rank in ranks]) for k in DEPTHS
    }
    metrics["precision@8"] = average(list(relevance.values()))
    relevance |= {f"missing {number}": 1 for number in range(ranks.count(None))}  # a relevant passage not retrieved
    metrics["mrr"] = reciprocal_rank(names, relevance, 8)
    metrics["ndcg@8"] = ndcg(names, relevance, 8)
    return metrics, ranks


def overlaps(place: Place, doc_id: str, start: int, end: int) -> bool:
    shared = min(place.end, end) - max(place.start, start)
    return doc_id == place.doc_id and shared >= OVERLAP * (place.end - place.start)


async def measure(question: Question, answer: Answer, evidence: Evidence, judge: Judge) -> dict[str, Any]:
    """Every measure of one answer, and what a person needs to see why."""
    answered = answer.status == "answered"
    metrics: dict[str, float | None] = {}
    facts: list[dict[str, Any]] = []
    if question.answerable:
        metrics["over_refusal"] = float(not answered)
        places = [evidence.places(fact) for fact in question.facts]
        found, ranks = retrieval_metrics(places, answer.passages)
        contexts = [passage.text for passage in answer.passages]
        metrics |= found
        if contexts:
            metrics |= await judge.of_retrieval(question.text, question.reference, contexts)
        if answered:
            metrics |= await judge.of_answer(question.text, question.reference, bare(answer.text), contexts)
        quoted = [
            any(overlaps(place, c.doc_id, c.start, c.end) for place in options for c in answer.citations) for options in places
        ]
        judged = await judge.supported(bare(answer.text), [fact.text for fact in question.facts]) if answered else quoted
        stated = [one or other for one, other in zip(quoted, judged, strict=True)]
        metrics["facts_quoted"] = average(quoted) if answered else None
        metrics["facts_stated"] = average(stated) if answered else None
        facts = [
            {"fact": fact.text, "rank": rank, "stated": told}
            for fact, rank, told in zip(question.facts, ranks, stated, strict=True)
        ]
    else:
        metrics["refused"] = float(not answered)
    sentences: list[dict[str, Any]] = []
    if answered:
        cited, sentences = await citation_metrics(answer, judge)
        metrics |= cited | {"words": float(len(bare(answer.text).split()))}
        good = (
            (metrics.get("facts_stated") or 0) >= GOOD_FACTS and not metrics["hallucination"] and metrics["citation_recall"] == 1
        )
        metrics["good"] = float(good) if question.answerable else None
    metrics["milliseconds"] = answer.trace["milliseconds"]["total"]
    usage = answer.trace.get("model", {})
    metrics |= {name: usage.get(name) for name in ("tokens", "cost")}
    return {"answered": answered, "metrics": metrics, "facts": facts, "sentences": sentences}


async def citation_metrics(answer: Answer, judge: Judge) -> tuple[dict[str, float | None], list[dict[str, Any]]]:
    """Citation recall and precision by sentence, in the sense of ALCE, and for each sentence what it cites and how it was judged.

    A sentence is recalled when its citations together support it. A citation is precise when its sentence is recalled and the
    citation supports it alone, or the others do not without it. A sentence that no retrieved passage supports is a hallucination.
    """
    quotes = {citation.number: citation.quote for citation in answer.citations}
    judged: list[dict[str, Any]] = []
    precise: list[bool] = []
    everything = "\n\n".join(passage.text for passage in answer.passages)
    for statement in statements(answer.text):
        cited = {number: quotes[number] for number in statement.numbers if number in quotes}
        evidence = "\n\n".join(cited.values())
        together = await says(evidence, statement.text, judge)
        for number in statement.numbers:
            others = "\n\n".join(text for other, text in cited.items() if other != number)
            alone = await says(cited.get(number, ""), statement.text, judge)
            needed = bool(others) and not await says(others, statement.text, judge)
            precise.append(together and (alone or needed))
        founded = together or await says(everything, statement.text, judge)
        judged.append({"text": statement.text, "evidence": evidence, "supported": together, "founded": founded})
    return {
        "citation_recall": average([sentence["supported"] for sentence in judged]),
        "citation_precision": average(precise),
        "hallucination": average([not sentence["founded"] for sentence in judged]),
    }, judged


async def says(context: str, statement: str, judge: Judge) -> bool:
    """Word for word, or in the judge's eyes."""
    said = flat(statement)
    return bool(said) and (said in flat(context) or (await judge.supported(context, [statement]))[0])


def bare(text: str) -> str:
    """The answer as a person reads it aloud: without its numbers."""
    return markers.renumbered(text, {})
