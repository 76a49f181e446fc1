"""The measure must be able to fail: each saboteur has to move the right figure out of the sound system's own interval and trip
the gates, and a change that does no harm must not. `python -m tests.evals.test_saboteurs` prints the whole matrix.
"""

import json
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from rich.table import Table

from rag.assistant import Assistant
from rag.retrieve import Retriever, Stage
from rag.types import Answer, Citation, Filters, Length, Passage, Source, Turn
from tests.evals.room import GUIDES, LEAST, MOST, Room, build, gates_at, reported

DELETED = "evaluation/precision-and-recall.md"
INVENTED = "Teams that skip this step lose a fifth of their revenue within the first quarter."
SHOWN = (*LEAST, *MOST, "ragas_faithfulness", "ragas_context_recall")  # the last two are shown in the matrix only
Change = Callable[[pytest.MonkeyPatch, Room, Path], Assistant]


class Altered(Assistant):
    """The same assistant, its answers changed on the way out."""

    def __init__(self, inner: Assistant, alter: Callable[[Answer], Answer]) -> None:
        self.__dict__.update(inner.__dict__)
        self._alter = alter

    def ask(
        self, question: str, history: Sequence[Turn] = (), filters: Filters = Filters(), length: Length = "standard"
    ) -> Answer:
        answer = super().ask(question, history, filters, length)
        return self._alter(answer) if answer.status == "answered" else answer


def altering(alter: Callable[[Answer], Answer]) -> Change:
    return lambda patch, room, folder: Altered(room.assistant, alter)


def retriever_shuffled(patch: pytest.MonkeyPatch, room: Room, folder: Path) -> Assistant:
    sound = Retriever.candidates

    def candidates(self: Retriever, *given: Any) -> Stage:
        stage = sound(self, *given)
        return replace(stage, final=np.random.default_rng(0).permutation(stage.final))

    patch.setattr(Retriever, "candidates", candidates)
    return room.assistant


def best_hit_dropped(patch: pytest.MonkeyPatch, room: Room, folder: Path) -> Assistant:
    sound = Retriever.assemble

    def assemble(self: Retriever, stage: Stage, filters: Filters) -> tuple[list[Passage], list[Passage], list[dict[str, str]]]:
        passages, twins, cut = sound(self, stage, filters)
        return passages[1:], twins, cut

    patch.setattr(Retriever, "assemble", assemble)
    return room.assistant


def citations_shifted(answer: Answer) -> Answer:
    """Each number stands for what the next stood for; the last one for a passage that was not quoted."""
    quoted = {item.doc_id + item.heading for item in answer.citations}
    others = [passage for passage in answer.passages if passage.source.doc_id + passage.source.heading_path[-1] not in quoted]
    spare = replace(answer.citations[-1], quote=others[-1].text, start=0, end=0)
    moved = [*answer.citations[1:], spare]
    return replace(answer, citations=tuple(replace(item, number=number) for number, item in enumerate(moved, start=1)))


def sentence_invented(answer: Answer) -> Answer:
    return replace(answer, text=f"{answer.text}\n\n{INVENTED} [1]")


def numbers_altered(answer: Answer) -> Answer:
    """Numbers that stand in a sentence: not those of citations, list items or names."""
    return replace(answer, text=re.sub(r"(?<=[ (])\d+(?=[ .,)]\D)", lambda match: str(int(match[0]) * 3 + 4), answer.text))


def refusal_at(strength: float) -> Change:
    def change(patch: pytest.MonkeyPatch, room: Room, folder: Path) -> Assistant:
        for name in ("ENOUGH", "ENOUGH_BESIDE"):
            patch.setattr(f"rag.evidence.{name}", strength)
        return room.assistant

    return change


def guide_deleted(patch: pytest.MonkeyPatch, room: Room, folder: Path) -> Assistant:
    return room.changed(folder, lambda corpus: (corpus / DELETED).unlink())


def passages_rewrapped(answer: Answer) -> Answer:
    return replace(answer, passages=tuple(replace(item, sources=tuple(map(replace, item.sources))) for item in answer.passages))


def answers_reserialised(answer: Answer) -> Answer:
    data = json.loads(json.dumps(asdict(answer), ensure_ascii=False))
    passages = tuple(
        Passage(**{**item, "rows": tuple(item["rows"]), "sources": tuple(Source(**source) for source in item["sources"])})
        for item in data["passages"]
    )
    return Answer(**{**data, "citations": tuple(Citation(**item) for item in data["citations"]), "passages": passages})


def chunks_a_little_smaller(patch: pytest.MonkeyPatch, room: Room, folder: Path) -> Assistant:
    return room.changed(folder, chunk_tokens=220)


SABOTEURS: dict[str, tuple[Change, set[str]]] = {
    "retriever shuffled": (retriever_shuffled, {"recall@1", "recall@8", "mrr", "facts_stated"}),
    "best hit dropped": (best_hit_dropped, {"recall@1", "mrr"}),
    "citations shifted by one": (altering(citations_shifted), {"citation_recall", "citation_precision", "facts_quoted"}),
    "a sentence invented": (altering(sentence_invented), {"hallucination", "citation_recall", "citation_precision"}),
    "numbers altered": (altering(numbers_altered), {"hallucination", "citation_recall"}),
    "refusal switched off": (refusal_at(0.0), {"refused"}),
    "refusal always on": (refusal_at(1.1), {"over_refusal"}),
    "a guide deleted": (guide_deleted, {"recall@8"}),
}
HARMLESS: dict[str, Change] = {
    "passages rewrapped": altering(passages_rewrapped),
    "answers re-serialised": altering(answers_reserialised),
    "chunks of 220 tokens, not 250": chunks_a_little_smaller,
}


def measured(change: Change, room: Room, folder: Path) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        return room.summary(change(patch, room, folder))


@pytest.fixture(scope="module")
def sound(room: Room) -> dict[str, Any]:
    return room.summary()


@pytest.fixture(scope="module")
def allowed(sound: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gates_at(sound, tmp_path_factory.mktemp("gates") / "gates.toml")


def test_the_sound_system_passes_and_answers_well_enough_that_harm_can_show(sound: dict[str, Any], allowed: Path) -> None:
    assert reported(sound, allowed) == set()
    figures = {name: figure["mean"] for name, figure in sound["metrics"].items()}
    assert figures["recall@8"] > 0.85 and figures["facts_stated"] > 0.6 and figures["citation_recall"] > 0.95
    assert figures["hallucination"] == 0 and figures["refused"] > 0.8 and figures["over_refusal"] < 0.2


@pytest.mark.parametrize("name", SABOTEURS)
def test_a_saboteur_moves_the_right_figure_out_of_its_interval_and_trips_the_gate(
    name: str, room: Room, allowed: Path, tmp_path: Path
) -> None:
    change, expected = SABOTEURS[name]
    harmed = measured(change, room, tmp_path / "copy")
    assert harmed["failed"] == []
    assert reported(harmed, allowed) >= expected


def test_a_deleted_guide_is_reported_by_its_lost_quotes_too(room: Room, allowed: Path, tmp_path: Path) -> None:
    harmed = measured(guide_deleted, room, tmp_path / "copy")
    assert any("quotes of the golden set are no longer in the guides" in line for line in reported(harmed, allowed))


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_change_trips_no_gate(name: str, room: Room, allowed: Path, tmp_path: Path) -> None:
    assert reported(measured(HARMLESS[name], room, tmp_path / "copy"), allowed) == set()


def matrix(console: Console) -> None:
    with tempfile.TemporaryDirectory(prefix="prep-saboteurs-") as scratch:
        room = build(Path(scratch) / "room")
        room = replace(room, quick=room.judge)
        before = room.summary()
        allowed = gates_at(before, Path(scratch) / "gates.toml")
        table = Table("", *SHOWN, "lost quotes", box=None)
        table.add_row("sound", *(f"{before['metrics'][name]['mean']:.3f}" for name in SHOWN), "0")
        intervals = ((before["metrics"][name]["low"], before["metrics"][name]["high"]) for name in SHOWN)
        table.add_row("its 95 % interval", *(f"{low:.2f} … {high:.2f}" for low, high in intervals), "")
        for name, change in {**{name: change for name, (change, _) in SABOTEURS.items()}, **HARMLESS}.items():
            after = measured(change, room, Path(scratch) / name)
            missed = reported(after, allowed)
            means = [f"{after['metrics'].get(m, {}).get('mean', float('nan')):.3f}{' *' if m in missed else ''}" for m in SHOWN]
            table.add_row(name, *means, str(after["lost_quotes"]))
        console.print(table)
        console.print(
            f"{before['rows']} questions, {len(GUIDES)} guides, local judge; * outside the interval, reported by the gates"
        )


if __name__ == "__main__":
    matrix(Console(width=220))
