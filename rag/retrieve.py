"""A question to passages: dense and lexical candidates, fused, reranked, and put together as sections a person can read."""

import time
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, fields, replace
from itertools import chain, groupby, zip_longest
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.catalogue import Stretch
from rag.embed import Encoder, Floats
from rag.index import Index
from rag.rerank import Query, Reranker
from rag.settings import Settings
from rag.spelling import Speller
from rag.types import Filters, Passage, Turn
from rag.understand import Part, Understood, understand

DENSE_SHARE = (0.45, 0.8)  # how much fusion trusts the dense search: as much as its best cosine, within these bounds
HEADING_SHARE = 0.6  # of the dense side: a question is most like a question that the section is known to answer
GUIDE_SHARE = 0.4  # of a passage's score: the best score in its guide, for what else is asked stands nearby
ASIDE = 0.1  # off the score of a subsection: the section above it says more
NEAR_DUPLICATE = 0.97
SAME = 0.9  # cosine of two questions that say the same
LONGEST = 4000  # characters of a passage; of a longer section what stands around the hit is taken
BESIDE = 48  # sections found as high as this join the passage that they stand beside
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Stage:
    """All candidates in row order with the score that each stage gave them."""

    rows: Rows
    dense: Floats
    lexical: Floats
    asked: Floats
    fused: Floats
    reranked: Floats
    final: Floats

    def ranking(self, scores: Floats) -> Rows:
        """Rows, best first; equal scores keep row order, so two runs never differ."""
        return self.rows[np.lexsort((self.rows, -scores))]

    def scores(self, rows: Sequence[int]) -> list[dict[str, float]]:
        """For each of these candidates, by stage, what it thought of it."""
        places = np.searchsorted(self.rows, rows)
        names = [field.name for field in fields(self)[1:]]
        columns = [getattr(self, name)[places].astype(float).round(4).tolist() for name in names]
        return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


@dataclass(frozen=True)
class Retrieval:
    """The sections found, the best ones apart, and those left out because another guide says nearly the same."""

    query: Query
    sections: tuple[Passage, ...]
    further: tuple[Passage, ...]
    twins: tuple[Passage, ...]
    candidates: Stage
    trace: dict[str, Any]


@dataclass(frozen=True)
class Found:
    """All that was found for a question: one retrieval, or one for each of its parts; and one for what it takes for granted.

    Offline answers are quoted from the retrievals' sections. The passages are those sections with the ones beside them: few and
    large, for a chat model to read.
    """

    understood: Understood
    retrievals: tuple[Retrieval, ...]
    passages: tuple[Passage, ...]
    premise: Retrieval | None = None

    @property
    def trace(self) -> dict[str, Any]:
        """The parts' traces as one: times add up, candidates stand together."""
        milliseconds: dict[str, float] = {}
        for retrieval in self.retrievals:
            for lap, spent in retrieval.trace["milliseconds"].items():
                milliseconds[lap] = round(milliseconds.get(lap, 0.0) + spent, 3)
        candidates = {item["id"]: item for retrieval in reversed(self.retrievals) for item in retrieval.trace["candidates"]}
        return {
            "understood": self.understood.text,
            "belief": self.understood.belief,
            "parts": [part.search for part in self.understood.parts],
            "milliseconds": milliseconds,
            "generation": self.retrievals[0].trace["generation"],
            "candidates": sorted(candidates.values(), key=lambda item: -item["final"]),
            "cut": [item for retrieval in self.retrievals for item in retrieval.trace["cut"]],
        }


class Retriever:
    def __init__(self, settings: Settings, index: Index, encoder: Encoder, reranker: Reranker | None) -> None:
        self._settings = settings
        self._encoder = encoder
        self._reranker = reranker
        self.index = index
        self._speller = Speller(index.lexical.written, index.lexical.asked, encoder.knows)

    def understand(self, question: str, history: Sequence[Turn] = ()) -> Understood:
        return understand(question, history, self._speller, self._known)

    def _known(self, question: str) -> bool:
        """Whether a question that the guides are known to answer says the same."""
        return float(self.index.arrays.asked(self._encoder.encode([question])[0].vector).max()) >= SAME

    def find(self, understood: Understood, filters: Filters = Filters()) -> Found:
        """What answers the question; the parts of one that asks several things take turns."""
        parts = understood.parts or (Part(understood.text, understood.text),)
        retrievals = tuple(self.retrieve(part.search, filters, part.asked) for part in parts)
        passages: list[Passage] = []
        taken = set[int]()
        near = dict[int, float]()
        for stage in (item.candidates for item in retrievals):
            best = stage.ranking(stage.final)[:BESIDE].tolist()
            for row, scores in zip(best, stage.scores(best), strict=True):
                near[row] = max(scores["final"], near.get(row, 0.0))
        for section in chain.from_iterable(zip_longest(*((*item.sections, *item.further) for item in retrievals))):
            if section and taken.isdisjoint(section.rows) and len(passages) < self._settings.passages:
                passages.append(self._with_neighbours(section, near, taken))
                taken.update(passages[-1].rows)
        premise = self.retrieve(understood.belief, filters) if understood.belief else None
        return Found(understood, retrievals, tuple(passages), premise)

    def retrieve(self, question: str, filters: Filters = Filters(), asked: str = "") -> Retrieval:
        """`asked` is the question without the subject that it has from elsewhere."""
        clock = Clock()
        query = Query.of(question, self._encoder, self.index, asked)
        clock.lap("embed")
        stage = self.candidates(query, filters, clock)
        sections, twins, cut = self.assemble(stage, filters)
        wanted = self._settings.passages
        clock.lap("assemble")
        looked_at = stage.ranking(stage.final)[: self._settings.rerank_depth].tolist()
        candidates = [
            {"id": self.index.ids[row], **scores} for row, scores in zip(looked_at, stage.scores(looked_at), strict=True)
        ]
        generation = self.index.manifest.generation
        trace = {"milliseconds": clock.laps, "generation": generation, "candidates": candidates, "cut": cut}
        return Retrieval(query, tuple(sections[:wanted]), tuple(sections[wanted:]), tuple(twins), stage, trace)

    def candidates(self, query: Query, filters: Filters, clock: "Clock") -> Stage:
        """Every passage either search found, with every signal computed for all of them."""
        wanted = self._settings.candidates
        allowed = self.index.catalogue.allowed(filters)
        near, _ = self.index.dense(query.encoding.vector, wanted, filters)
        clock.lap("dense")
        lexical = self.index.lexical.scores(query.text) * allowed
        clock.lap("lexical")
        asked = self.index.arrays.asked(query.encoding.vector) * allowed
        rows = np.union1d(np.union1d(near, top(lexical, wanted)), top(asked, wanted))
        similarities = np.asarray(self.index.arrays.vectors[rows] @ query.encoding.vector, dtype=np.float32)
        fused = fuse((1 - HEADING_SHARE) * similarities + HEADING_SHARE * asked[rows], lexical[rows])
        clock.lap("fuse")
        reranked = self._rerank(query, rows, fused)
        clock.lap("rerank")
        final = self._with_its_guide(rows, reranked)
        return Stage(rows, similarities, lexical[rows], asked[rows], fused, reranked, final)

    def _with_its_guide(self, rows: Rows, scores: Floats) -> Floats:
        guides = self.index.guides[rows]
        best = np.full(len(self.index.ids), -np.inf, dtype=np.float32)
        np.maximum.at(best, guides, scores)
        lifted: Floats = (1 - GUIDE_SHARE) * scores + GUIDE_SHARE * best[guides] - np.float32(ASIDE) * self.index.asides[rows]
        return lifted

    def _rerank(self, query: Query, rows: Rows, fused: Floats) -> Floats:
        """Reranked scores; candidates below the depth keep their order beneath the others."""
        if self._reranker is None or not len(rows):
            return fused
        order = np.lexsort((rows, -fused))
        looked_at = order[: self._settings.rerank_depth]
        second = scaled(self._reranker.scores(query, rows[looked_at].tolist(), self.index))
        share = self._reranker.weight
        mixed = fused - 1.0
        mixed[looked_at] = (1 - share) * scaled(fused[looked_at]) + share * second
        return mixed

    def assemble(self, stage: Stage, filters: Filters = Filters()) -> tuple[list[Passage], list[Passage], list[dict[str, str]]]:
        """The best passages, each as the whole section it stands in; near-duplicates apart, and what was cut with the reason."""
        ranked = stage.ranking(stage.final)[: 4 * self._settings.passages].tolist()  # some will make one passage
        chosen: list[Passage] = []
        twins: list[Passage] = []
        cut: list[dict[str, str]] = []
        for row, passage, scores in zip(ranked, self.index.passages(ranked), stage.scores(ranked), strict=True):
            if twin := self._twin(row, chosen):
                same = "in the same section as" if row in twin.rows else "near-duplicate of"
                cut.append({"id": passage.id, "why": f"{same} {twin.id}"})
                if row not in twin.rows:
                    twins.append(self._where_admitted(passage, filters))
                continue
            admitted = self._where_admitted(passage, filters)
            chosen.append(replace(self._whole_section(admitted), score=scores["final"], stages=scores))
            others = [source for source in admitted.sources[1:] if self.index.catalogue.admits(filters, source.doc_id)]
            twins += [replace(admitted, sources=(source,)) for source in others]
        return chosen, twins, cut

    def _twin(self, row: int, chosen: Sequence[Passage]) -> Passage | None:
        """A passage already chosen that says the same."""
        owners = {own: other for other in chosen for own in other.rows}
        if row in owners or not owners:
            return owners.get(row)
        vectors = self.index.arrays.vectors
        alike = vectors[list(owners)] @ vectors[row]
        return list(owners.values())[int(alike.argmax())] if alike.max() > NEAR_DUPLICATE else None

    def _where_admitted(self, passage: Passage, filters: Filters) -> Passage:
        """The passage as it stands in the first of its guides that passes the filters."""
        sources = sorted(passage.sources, key=lambda source: not self.index.catalogue.admits(filters, source.doc_id))
        if sources[0] == passage.source:
            return passage
        text = self.index.catalogue.text(sources[0].doc_id, sources[0].start, sources[0].end)
        return replace(passage, sources=tuple(sources), text=text)

    def _whole_section(self, passage: Passage) -> Passage:
        """The passage with its neighbours in the section, as far as they fit."""
        blocks = [[part] for part in next(section for section in self._sections(passage) if stands_in(section, passage))]
        return self._grown(passage, blocks, [1.0] * len(blocks))

    def _with_neighbours(self, section: Passage, near: Mapping[int, float], taken: Set[int]) -> Passage:
        """The section with those beside it that were found, too, the better side first, as far as they fit."""
        blocks = self._sections(section)
        scores = [
            max(near.get(part.row, 0.0) for part in block) * taken.isdisjoint(part.row for part in block) for block in blocks
        ]
        return self._grown(section, blocks, scores)

    def _sections(self, passage: Passage) -> list[list[Stretch]]:
        """The sections of the passage's guide."""
        stretches = self.index.catalogue.stretches(passage.source.doc_id)
        return [list(group) for _, group in groupby(stretches, key=attrgetter("section"))]

    def _grown(self, passage: Passage, blocks: Sequence[Sequence[Stretch]], scores: Sequence[float]) -> Passage:
        """The passage with the blocks before and after its own that have a score, as far as they fit."""
        first = last = next(place for place, block in enumerate(blocks) if stands_in(block, passage))

        def fits(place: int) -> bool:
            return 0 <= place < len(blocks) and blocks[max(place, last)][-1].end - blocks[min(place, first)][0].start <= LONGEST

        while beside := [place for place in (last + 1, first - 1) if fits(place) and scores[place] > 0]:
            place = max(beside, key=scores.__getitem__)
            first, last = min(first, place), max(last, place)
        if first == last:
            return passage
        parts = [part for block in blocks[first : last + 1] for part in block]
        source, start, end = passage.source, parts[0].start, parts[-1].end
        sections = [next(group) for _, group in groupby(parts, key=attrgetter("section"))]
        return replace(
            passage,
            rows=tuple(part.row for part in parts),
            text=self.index.catalogue.text(source.doc_id, start, end),
            sources=(replace(source, start=start, end=end, line=parts[0].line), *passage.sources[1:]),
            sections=tuple(replace(source, start=part.start, heading_path=part.heading_path) for part in sections),
        )


def stands_in(block: Sequence[Stretch], passage: Passage) -> bool:
    return any(part.start == passage.source.start for part in block)


def fuse(dense: Floats, lexical: Floats) -> Floats:
    """A weighted mean of both signals; the surer the dense search is of its best hit, the more it counts."""
    share = float(np.clip(dense.max(initial=0.0), *DENSE_SHARE))
    return share * scaled(dense) + (1 - share) * scaled(lexical)


def scaled(scores: Floats) -> Floats:
    """Scores moved to 0 … 1; all-equal scores become zeros."""
    if not len(scores):
        return scores
    low, high = float(scores.min()), float(scores.max())
    return np.asarray((scores - low) / (high - low) if high > low else scores - low, dtype=np.float32)


def top(scores: Floats, k: int) -> Rows:
    """Rows of the k best positive scores, in row order; ties at the edge go to the lower row."""
    positive = np.flatnonzero(scores > 0)
    return np.sort(positive[np.argsort(-scores[positive], kind="stable")[:k]])


class Clock:
    """Milliseconds between laps."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name] = round((now - self._last) * 1000, 3)
        self._last = now
