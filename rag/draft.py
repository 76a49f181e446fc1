"""An answer in the making: the pieces worth taking, best first, as far as they fit."""

import math
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from itertools import groupby

from rag.cite import Segment
from rag.kinds import Need
from rag.pieces import Pieces
from rag.types import Length
from rag.units import Unit

SHORT = 8  # words
REPEATS = 0.6  # share of a sentence's terms already said


@dataclass(frozen=True)
class Budget:
    """What an answer may hold; how good a piece must be, and how good another section than the leading one."""

    words: int
    sections: int
    worth: float
    opens: float  # the worth of such pieces of that section together
    near: float  # of the leading passage's score


BUDGETS: dict[Length, Budget] = {
    "short": Budget(90, 2, 0.1, 0.3, 0.7),
    "standard": Budget(300, 3, 0.15, 0.3, 0.75),
    "deep": Budget(600, 5, 0.08, 0.1, 0.5),
}


@dataclass(frozen=True)
class Offer:
    """A piece that the answer may take."""

    item: Pieces
    place: int
    unit: Unit
    worth: float

    @property
    def gain(self) -> float:
        """Between worth and worth a word: long pieces say more, short ones leave room for others."""
        return self.worth / math.sqrt(max(self.unit.words, SHORT))


class Draft:
    """An answer being put together from pieces, which stay in the order of their guide."""

    def __init__(
        self, lead: Pieces, offers: Iterable[Offer], needs: Iterable[Need], said: list[frozenset[str]], with_code: bool
    ) -> None:
        self._lead = lead
        self._offers = sorted(offers, key=lambda offer: -offer.gain)
        self._needs = list(needs)
        self._said = said  # by all drafts of an answer together
        self._with_code = with_code
        self.budget = BUDGETS["short"]
        self.taken: dict[str, tuple[Pieces, dict[int, Unit]]] = {lead.passage.id: (lead, {})}

    @property
    def left(self) -> int:
        return self.budget.words - sum(unit.words for _, units in self.taken.values() for unit in units.values())

    @property
    def rows(self) -> set[int]:
        return {row for item, _ in self.taken.values() for row in item.passage.rows}

    def grow(self, budget: Budget, away: Set[int]) -> None:
        """What the lead opens with, then the pieces of any passage but those `away` that are likeliest to say what was asked.

        A longer answer begins as the shorter one and goes on, so it never leaves out what the shorter one says.
        """
        self.budget = budget
        self._open()
        offers = [offer for offer in self._offers if away.isdisjoint(offer.item.passage.rows)]
        for need in self._needs:
            self._fill([offer for offer in offers if need(offer.unit)], need)
        self._fill(offers)

    def _open(self) -> None:
        """Begin with the section's own beginning, and with its code where that was asked for; a list as far as it fits."""
        code = [place for place, unit in enumerate(self._lead.units) if unit.kind == "code"]
        wanted = (self._lead.opening, *code) if self._with_code else (self._lead.opening,)
        places = set[int]().union(*map(self._lead.bundle, wanted)) - (set() if self._with_code else set(code))
        _, units = self.taken[self._lead.passage.id]
        lists = [place for place in sorted(places) if self._lead.units[place].kind == "list"]
        for place in lists:
            units.pop(place, None)
        self._take(self._lead, {place: self._lead.units[place] for place in places - set(lists)})
        for place in lists:
            self._take(self._lead, {place: self._lead.units[place].cut(self.left)})

    def _fill(self, offers: Sequence[Offer], need: Need | None = None) -> None:
        """Take what fits and is not said yet, the best first; only the very best when it is to meet a need."""
        for offer in offers:
            if need and any(need(unit) for _, units in self.taken.values() for unit in units.values()):
                return
            if self._new(offer) and self._belongs(offer, needed=need is not None):
                self._add(offer.item, offer.item.bundle(offer.place))

    def _new(self, offer: Offer) -> bool:
        own = offer.unit.terms
        return offer.worth >= self.budget.worth and all(len(other & own) < REPEATS * len(own) for other in self._said)

    def _belongs(self, offer: Offer, needed: bool) -> bool:
        """Whether the piece's section is in the answer, or may come in for it."""
        worth = sum(worth for worth in offer.item.worth if worth >= self.budget.worth)
        good = worth >= self.budget.opens and offer.item.passage.score >= self.budget.near * self._lead.passage.score
        return offer.item.passage.id in self.taken or (
            len(self.taken) < self.budget.sections and not offer.item.aside and (needed or good)
        )

    def _add(self, item: Pieces, places: set[int]) -> None:
        """Take these pieces if they fit, and before them a new section's first one where that stands alone.

        What announces code stays away with it, where none is wanted or the leading passage has its own.
        """
        _, units = self.taken.get(item.passage.id, (item, dict[int, Unit]()))
        opens = not units and not item.units[0].leans and item.bundle(0) == {0}
        new = {place: item.units[place] for place in sorted((places | {0} if opens else places) - set(units))}
        wanted = self._with_code and (item is self._lead or not self._lead.has("code"))
        wanted = wanted or all(unit.kind != "code" for unit in new.values())
        if wanted and sum(unit.words for unit in new.values()) <= self.left:
            self._take(item, new)

    def _take(self, item: Pieces, new: dict[int, Unit]) -> None:
        _, units = self.taken.setdefault(item.passage.id, (item, {}))
        units |= new
        self._said += [unit.terms for unit in new.values()]

    def segments(self) -> list[Segment]:
        """Neighbours in the guide are quoted as one span."""
        found = []
        for item, units in self.taken.values():
            runs = groupby(range(len(item.units)), key=units.__contains__)
            found += [Segment(item.passage, tuple(units[place] for place in run)) for kept, run in runs if kept]
        return found
