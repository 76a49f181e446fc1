"""An answer in the making: the pieces worth taking, best first, as far as they fit."""

import math
from collections.abc import Iterable, Sequence
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
    """What an answer may hold, and how good a piece must be: at all, and to bring in another section than the leading one."""

    words: int
    sections: int
    worth: float
    opens: float
    near: float  # of the leading passage's score


BUDGETS: dict[Length, Budget] = {
    "short": Budget(90, 2, 0.1, 0.3, 0.7),
    "standard": Budget(300, 3, 0.05, 0.25, 0.7),
    "deep": Budget(600, 5, 0.03, 0.12, 0.0),
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

    def __init__(self, said: Iterable[frozenset[str]], with_code: bool) -> None:
        self._said = list(said)
        self._with_code = with_code
        self.budget = BUDGETS["short"]
        self.taken: dict[str, tuple[Pieces, dict[int, Unit]]] = {}

    @property
    def left(self) -> int:
        return self.budget.words - sum(unit.words for _, units in self.taken.values() for unit in units.values())

    def open(self, item: Pieces) -> None:
        """Begin with the section's own beginning, and with its code where that was asked for; a list as far as it fits."""
        code = [place for place, unit in enumerate(item.units) if unit.kind == "code"]
        wanted = (item.opening, *code) if self._with_code else (item.opening,)
        places = set[int]().union(*map(item.bundle, wanted)) - (set() if self._with_code else set(code))
        _, units = self.taken.setdefault(item.passage.id, (item, {}))
        lists = [place for place in sorted(places) if item.units[place].kind == "list"]
        for place in lists:
            units.pop(place, None)
        self._take(item, {place: item.units[place] for place in places - set(lists)})
        for place in lists:
            self._take(item, {place: item.units[place].cut(self.left)})

    def fill(self, offers: Sequence[Offer], need: Need | None = None) -> None:
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
        lead, _ = next(iter(self.taken.values()))
        good = offer.worth >= self.budget.opens and offer.item.passage.score >= self.budget.near * lead.passage.score
        return offer.item.passage.id in self.taken or (
            len(self.taken) < self.budget.sections and not offer.item.aside and (needed or good)
        )

    def _add(self, item: Pieces, places: set[int]) -> None:
        """Take these pieces if they fit, and before them a new section's first one where that stands alone.

        What announces code stays away with it, where no code is wanted.
        """
        _, units = self.taken.get(item.passage.id, (item, dict[int, Unit]()))
        opens = not units and not item.units[0].leans and item.bundle(0) == {0}
        new = {place: item.units[place] for place in sorted((places | {0} if opens else places) - set(units))}
        wanted = self._with_code or all(unit.kind != "code" for unit in new.values())
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
