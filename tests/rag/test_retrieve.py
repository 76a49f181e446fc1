"""From candidates to passages: arithmetic by hand, filters that hold, sections that are whole."""

from collections.abc import Callable
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ingest.sync import synchronise
from rag.embed import OnnxEncoder
from rag.evidence import ENOUGH, beyond, weigh
from rag.index import Index, fingerprint
from rag.rerank import LateInteraction
from rag.retrieve import ASIDE, GUIDE_SHARE, LONGEST, Retrieval, Retriever, Stage, fuse, scaled, top
from rag.settings import Settings
from rag.types import Filters
from rag.understand import Part, Understood
from tests.conftest import make_settings
from tests.rag.conftest import Library

QUESTION = "How do I detect train-serve skew?"


def array(*values: float) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    return np.array(values, dtype=np.float32)


@pytest.mark.parametrize(("best", "share"), [(0.9, 0.8), (0.8, 0.8), (0.6, 0.6), (0.45, 0.45), (0.1, 0.45), (-0.2, 0.45)])
def test_fusion_trusts_dense_search_as_much_as_its_best_cosine_within_bounds(best: float, share: float) -> None:
    dense = array(best, best - 0.2, best - 0.4)
    lexical = array(0, 4, 2)
    expected = [share, share * 0.5 + (1 - share), (1 - share) * 0.5]
    assert fuse(dense, lexical).tolist() == pytest.approx(expected, abs=1e-5)


def test_fusion_of_nothing_is_nothing() -> None:
    assert fuse(array(), array()).shape == (0,)


def test_scaling_spans_zero_to_one_and_all_equal_scores_become_zeros_not_nan() -> None:
    assert scaled(array(2, 6, 4)).tolist() == [0, 1, 0.5]
    assert scaled(array(3, 3, 3)).tolist() == [0, 0, 0]
    assert scaled(array(7)).tolist() == [0]
    assert scaled(array()).shape == (0,)


def test_top_takes_the_best_positive_scores_and_gives_the_edge_to_the_lower_row() -> None:
    assert top(array(1, 3, 0, 2, 2, 2), 3).tolist() == [1, 3, 4]
    assert top(array(0, 0, -1), 5).tolist() == []
    assert top(array(0, 1, 0.5), 5).tolist() == [1, 2]
    assert top(array(1, 1, 1, 1), 2).tolist() == [0, 1]


@pytest.fixture(scope="module")
def found(retriever: Retriever) -> Retrieval:
    return retriever.retrieve(QUESTION)


def with_settings(library: Library, encoder: OnnxEncoder, **changes: object) -> Retriever:
    return Retriever(library.settings.model_copy(update=changes), library.index, encoder, LateInteraction())


def test_the_guide_asked_for_comes_first(found: Retrieval) -> None:
    assert found.sections[0].source.doc_id == "corpus/debugging/train-serve-skew.md"


def test_two_runs_give_the_same_passages_and_scores(retriever: Retriever, found: Retrieval) -> None:
    again = retriever.retrieve(QUESTION)
    assert again.sections == found.sections
    assert again.trace["candidates"] == found.trace["candidates"]


def test_equal_scores_are_ranked_by_row_whatever_order_they_are_found_in() -> None:
    rows = np.random.default_rng(0).permutation(500)
    scores = (rows % 3).astype(np.float32)
    ranking = Stage(rows, *(scores for _ in fields(Stage)[1:])).ranking(scores).tolist()
    assert ranking == sorted(range(500), key=lambda row: (-(row % 3), row))


def test_passages_come_best_first_and_each_says_what_every_stage_thought(found: Retrieval) -> None:
    scores = [passage.score for passage in found.sections]
    assert scores == sorted(scores, reverse=True)
    for passage in found.sections:
        assert set(passage.stages) == {"dense", "lexical", "asked", "fused", "reranked", "final"}
        assert passage.score == passage.stages["final"]


def test_dense_scores_are_similarities_not_distances(library: Library, found: Retrieval) -> None:
    stage = found.candidates
    vectors = np.asarray(library.index.arrays.vectors)[stage.rows]
    assert stage.dense == pytest.approx(vectors @ found.query.encoding.vector, abs=1e-5)
    rows, similarities = library.index.dense(found.query.encoding.vector, 20, Filters())
    assert similarities == pytest.approx(np.asarray(library.index.arrays.vectors)[rows] @ found.query.encoding.vector, abs=1e-3)
    assert (np.diff(similarities) <= 1e-6).all()


def test_chroma_finds_the_same_passages_as_a_full_scan(library: Library, found: Retrieval) -> None:
    rows, _ = library.index.dense(found.query.encoding.vector, 20, Filters())
    every = np.asarray(library.index.arrays.vectors) @ found.query.encoding.vector
    assert set(rows.tolist()) == set(np.argsort(-every)[:20].tolist())


def test_every_passage_is_an_exact_span_of_its_guide(library: Library, found: Retrieval) -> None:
    for passage in found.sections:
        for source in passage.sources[:1]:
            assert library.document(source.doc_id).text[source.start : source.end] == passage.text
            assert source.line is not None
            line = (library.folder / source.doc_id).read_text().split("\n")[source.line - 1]
            assert line.startswith(passage.text.split("\n")[0])


def test_no_two_passages_share_a_row(found: Retrieval) -> None:
    rows = [row for passage in found.sections for row in passage.rows]
    assert len(rows) == len(set(rows))


def test_what_was_cut_has_a_reason_that_names_a_passage_that_was_kept(found: Retrieval) -> None:
    kept = {passage.id for passage in (*found.sections, *found.further)}
    assert found.trace["cut"], "no section of this answer has two passages: ask something broader"
    for item in found.trace["cut"]:
        reason, _, name = item["why"].rpartition(" ")
        assert reason in ("in the same section as", "near-duplicate of") and name in kept


def test_the_trace_says_how_long_each_stage_took_and_which_candidates_it_saw(library: Library, found: Retrieval) -> None:
    assert {"embed", "dense", "lexical", "fuse", "rerank", "assemble"} <= set(found.trace["milliseconds"])
    assert all(value >= 0 for value in found.trace["milliseconds"].values())
    assert found.trace["generation"] == library.index.manifest.generation
    candidates = found.trace["candidates"]
    assert 8 <= len(candidates) <= library.settings.rerank_depth
    assert [item["final"] for item in candidates] == sorted((item["final"] for item in candidates), reverse=True)
    assert found.sections[0].id == candidates[0]["id"]


FILTERS = [
    Filters(areas=("evaluation",)),
    Filters(areas=("llm", "statistics")),
    Filters(roles=("intern",)),
    Filters(levels=("deep",)),
    Filters(areas=("debugging", "statistics"), roles=("applied-scientist",), levels=("deep",)),
    Filters(areas=("debugging", "evaluation"), roles=("intern", "career-switcher"), levels=("core",)),
]


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_filters_never_let_another_guide_through(retriever: Retriever, library: Library, filters: Filters) -> None:
    result = retriever.retrieve(QUESTION, filters)
    assert result.sections
    named = [passage.source.doc_id for passage in result.sections]
    rows = library.index.passages(result.candidates.rows.tolist())
    for doc_id in {*named, *(passage.source.doc_id for passage in rows)}:
        document = library.document(doc_id)
        assert not filters.areas or document.area in filters.areas
        assert not filters.roles or set(document.roles) & set(filters.roles)
        assert not filters.levels or document.level in filters.levels


def test_a_filter_keeps_every_passage_that_passes_it(retriever: Retriever, library: Library) -> None:
    allowed = library.index.catalogue.allowed(Filters(areas=("llm",)))
    every = library.index.passages(range(len(library.index.ids)))
    assert allowed.tolist() == [passage.source.area == "llm" for passage in every]
    seen = retriever.retrieve("zebra", Filters(areas=("llm",))).candidates.rows
    assert set(seen.tolist()) == set(np.flatnonzero(allowed).tolist())


@pytest.mark.parametrize("filters", [Filters(areas=("no-such-area",)), Filters(areas=("llm",), levels=("core", "x' or 1=1"))])
def test_a_filter_that_nothing_passes_finds_nothing_rather_than_everything(retriever: Retriever, filters: Filters) -> None:
    result = retriever.retrieve(QUESTION, filters)
    assert result.sections == () and len(result.candidates.rows) == 0


@pytest.mark.parametrize("question", ["", "???", "the of and", "\x00", "a" * 5000, "naïve 日本語 🙂"])
def test_odd_questions_are_searched_without_a_crash(retriever: Retriever, question: str) -> None:
    result = retriever.retrieve(question)
    assert all(np.isfinite(getattr(result.candidates, name)).all() for name in ("dense", "lexical", "fused", "reranked"))


def test_candidates_below_the_reranking_depth_stay_beneath_the_others_in_fused_order(
    library: Library, encoder: OnnxEncoder
) -> None:
    stage = with_settings(library, encoder, rerank_depth=5).retrieve(QUESTION).candidates
    fused, reranked = stage.ranking(stage.fused).tolist(), stage.ranking(stage.reranked).tolist()
    assert set(reranked[:5]) == set(fused[:5])
    assert reranked[5:] == fused[5:]


def test_without_a_reranker_the_fused_order_stands(library: Library, encoder: OnnxEncoder) -> None:
    stage = Retriever(library.settings, library.index, encoder, None).retrieve(QUESTION).candidates
    assert stage.reranked.tolist() == stage.fused.tolist()


def test_reranking_depth_zero_changes_nothing(library: Library, encoder: OnnxEncoder) -> None:
    stage = with_settings(library, encoder, rerank_depth=0).retrieve(QUESTION).candidates
    assert stage.ranking(stage.reranked).tolist() == stage.ranking(stage.fused).tolist()


@pytest.mark.parametrize("wanted", [1, 3])
def test_no_more_passages_than_the_setting_allows(library: Library, encoder: OnnxEncoder, wanted: int) -> None:
    assert len(with_settings(library, encoder, passages=wanted).retrieve(QUESTION).sections) == wanted


Build = Callable[[dict[str, str]], Retriever]


@pytest.fixture
def retriever_over(tmp_path: Path, encoder: OnnxEncoder, monkeypatch: pytest.MonkeyPatch) -> Build:
    """A retriever over guides written on the spot."""
    monkeypatch.chdir(tmp_path)

    def build(guides: dict[str, str]) -> Retriever:
        for name, text in guides.items():
            path = tmp_path / "corpus" / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        settings: Settings = make_settings(tmp_path)
        synchronise(settings, [], encoder=encoder)
        index = Index.open(settings, fingerprint(settings, encoder.name))
        return Retriever(settings, index, encoder, LateInteraction())

    return build


SENTENCES = [
    f"Gradient clipping rule {number} caps the norm at {number} so that one bad batch moves nothing far." for number in range(110)
]


def guide(title: str, body: str) -> str:
    return f"---\ntitle: {title}\n---\n\n## What is {title}?\n\n{body}\n\n## Another matter\n\nTeapots are made of clay.\n"


def test_a_section_cut_into_chunks_comes_back_whole_when_it_fits(retriever_over: Build) -> None:
    body = "\n\n".join(" ".join(SENTENCES[first : first + 4]) for first in range(0, 28, 4))
    assert len(body) < LONGEST
    best = retriever_over({"a.md": guide("gradient clipping", body)}).retrieve("What is gradient clipping rule 27?").sections[0]
    assert len(best.rows) > 1
    assert best.text == body


def test_a_section_too_long_to_quote_whole_comes_back_as_one_span_around_the_hit(retriever_over: Build) -> None:
    paragraphs = [" ".join(SENTENCES[first : first + 5]) for first in range(0, 110, 5)]
    body = "\n\n".join([*paragraphs, "The walrus exception: never clip on Thursdays."])
    result = retriever_over({"a.md": guide("gradient clipping", body)}).retrieve("walrus exception Thursdays")
    assert len(body) > 2 * LONGEST
    assert "walrus" in result.sections[0].text
    for passage in result.sections:
        assert passage.text in guide("gradient clipping", body)
        assert len(passage.text) <= LONGEST
        assert all(after == before + 1 for before, after in pairwise(passage.rows))


def test_a_section_is_never_joined_with_one_of_the_same_name_in_another_guide(retriever_over: Build) -> None:
    result = retriever_over({"a.md": guide("x", "Skew is a mismatch."), "b.md": guide("x", "Skew is an asymmetry.")}).retrieve(
        "skew"
    )
    texts = [passage.text for passage in result.sections]
    assert {"Skew is a mismatch.", "Skew is an asymmetry."} <= set(texts)


def test_a_near_duplicate_is_left_out_and_the_trace_says_of_what(retriever_over: Build) -> None:
    body = " ".join(SENTENCES[:4])
    result = retriever_over(
        {"a.md": guide("clipping", body), "b.md": guide("clipping", body.replace("one bad batch", "a bad batch"))}
    ).retrieve("gradient clipping rule")
    reasons = [item["why"] for item in result.trace["cut"]]
    assert [passage.text.startswith("Gradient clipping") for passage in result.sections].count(True) == 1
    assert f"near-duplicate of {result.sections[0].id}" in reasons


def test_the_same_passage_in_two_guides_is_one_passage_with_both_sources(retriever_over: Build) -> None:
    result = retriever_over({"a.md": guide("clipping", SENTENCES[0]), "b.md": guide("clipping", SENTENCES[0])}).retrieve(
        "gradient clipping"
    )
    assert [source.doc_id for source in result.sections[0].sources] == ["corpus/a.md", "corpus/b.md"]


def test_a_passage_that_two_guides_share_is_quoted_from_the_one_that_the_filter_lets_through(retriever_over: Build) -> None:
    shared = " ".join(SENTENCES[:3])
    texts = {
        "a.md": guide("clipping", shared).replace("---\n", "---\narea: llm\nroles: [mle]\n", 1),
        "b.md": guide("clipping", shared.replace("so that", "so\nthat")).replace("---\n", "---\narea: data\nroles: [ds]\n", 1),
    }
    ask = retriever_over(texts).retrieve
    for filters in (Filters(areas=("data",)), Filters(roles=("ds",)), Filters(areas=("data", "math"), roles=("ds",))):
        passage = ask("gradient clipping", filters).sections[0]
        assert [source.doc_id for source in passage.sources] == ["corpus/b.md", "corpus/a.md"]
        assert passage.text == texts["b.md"][passage.source.start : passage.source.end]
        assert "so\nthat" in passage.text
    for filters in (Filters(), Filters(areas=("llm",)), Filters(areas=("llm", "data"))):
        assert ask("gradient clipping", filters).sections[0].source.doc_id == "corpus/a.md"


def test_two_sections_of_one_name_in_one_guide_are_not_joined_over_what_stands_between(retriever_over: Build) -> None:
    other = "Clipping each value on its own bends the direction of a step."
    text = f"# T\n\n## Example\n\n{SENTENCES[0]}\n\n## Teapots\n\nThey are made of clay.\n\n## Example\n\n{other}\n"
    texts = {passage.text for passage in retriever_over({"a.md": text}).retrieve("gradient clipping rule").sections}
    assert texts == {SENTENCES[0], other, "They are made of clay."}


def test_a_passage_gains_from_the_best_one_of_its_guide_and_a_subsection_stands_back(found: Retrieval, library: Library) -> None:
    stage, guides = found.candidates, library.index.guides[found.candidates.rows]
    for place, score in enumerate(stage.reranked):
        best = stage.reranked[guides == guides[place]].max()
        aside = ASIDE * library.index.asides[stage.rows[place]]
        assert stage.final[place] == pytest.approx((1 - GUIDE_SHARE) * score + GUIDE_SHARE * best - aside, abs=1e-5)
    assert 0 < library.index.asides.sum() < len(library.index.asides)
    names = [passage.source.doc_id for passage in library.index.passages(stage.rows.tolist())]
    assert len(set(names)) == len(set(guides.tolist())) > 1, "a guide has one number"


def test_the_parts_of_a_question_take_turns_and_share_no_passage(retriever: Retriever) -> None:
    both = retriever.find(Understood("", (Part("skew", "train-serve skew"), Part("lora", "LoRA fine-tuning"))))
    assert [item.query.text for item in both.retrievals] == ["train-serve skew", "LoRA fine-tuning"]
    first, second = (item.sections for item in both.retrievals)
    assert [passage.id for passage in both.passages[:2]] == [first[0].id, second[0].id]
    rows = [row for passage in both.passages for row in passage.rows]
    assert len(rows) == len(set(rows)) and len(both.passages) == 8


CAPS = "\n".join(["# Caps", *(f"\n## {name}\n\n{text}\n" for name, text in (
    ("What is a teapot?", "A vessel of clay."),
    ("Why does clipping help?", SENTENCES[1]),
    ("What is gradient clipping?", SENTENCES[2]),
    ("How is clipping done?", f"```python\n# norm\n```\n\n{SENTENCES[3]}"),
))])  # fmt: skip


def test_a_passage_is_the_section_hit_with_those_beside_it_that_were_found_and_knows_what_each_is_headed(
    retriever_over: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    retriever = retriever_over({"a.md": CAPS})
    monkeypatch.setattr("rag.retrieve.BESIDE", 3)  # of four sections
    found = retriever.find(Understood("what is gradient clipping"))
    clipping, teapot = found.passages
    assert clipping.text == CAPS[clipping.source.start : clipping.source.end] and clipping.rows == (1, 2, 3)
    assert (
        clipping.source.heading_path[-1]
        == found.retrievals[0].sections[0].source.heading_path[-1]
        == "What is gradient clipping?"
    )
    assert teapot.text == "A vessel of clay."
    headed = [clipping.heading_at(clipping.text.index(text)) for text in (SENTENCES[1], SENTENCES[2], "# norm", SENTENCES[3])]
    assert headed == ["Why does clipping help?", "What is gradient clipping?", "How is clipping done?", "How is clipping done?"]


@pytest.mark.parametrize("question", [QUESTION, "what is roc auc", "how do I monitor drift", "batch norm or layer norm"])
def test_passages_are_spans_that_share_nothing_fit_and_hold_every_section_that_may_be_quoted(
    retriever: Retriever, library: Library, question: str
) -> None:
    found = retriever.find(retriever.understand(question))
    rows = [row for passage in found.passages for row in passage.rows]
    assert len(rows) == len(set(rows)) and len(found.passages) <= 8
    assert set(rows).issuperset(row for section in found.retrievals[0].sections for row in section.rows)
    assert max(len(passage.rows) for passage in found.passages) > 2
    for passage in found.passages:
        source = passage.source
        assert library.document(source.doc_id).text[source.start : source.end] == passage.text and len(passage.text) <= LONGEST


def test_times_of_the_parts_add_up(retriever: Retriever) -> None:
    both = retriever.find(Understood("", (Part("skew", "train-serve skew"), Part("lora", "LoRA fine-tuning"))))
    assert both.trace["milliseconds"]["dense"] == pytest.approx(
        sum(item.trace["milliseconds"]["dense"] for item in both.retrievals), abs=0.01
    )


CLIPPING = """# Clipping

## What is clipping?

A limit on the norm of a gradient.

## Another matter

Teapots are made of clay.
"""
ASKS = "## What is clipping?\n- my wombat explodes on tuesday, why\n"


def test_a_section_is_found_by_how_people_ask_for_it_and_never_shows_their_words(retriever_over: Build) -> None:
    result = retriever_over({"a.md": CLIPPING, "a.asks": ASKS, "b.md": guide("tuesday", "A day of the week.")}).retrieve(
        "my wombat explodes, why?"
    )
    best = result.sections[0]
    assert best.source.heading_path == ("Clipping", "What is clipping?")
    assert best.stages["asked"] == max(result.candidates.asked.max(), 0.7).round(4)
    assert "wombat" not in "".join(passage.text for passage in result.sections)


def test_what_guides_mostly_cannot_answer_is_answered_once_one_does(retriever_over: Build) -> None:
    example = "dockerfile entrypoint vs cmd shell form signals"
    assert example in beyond()
    docker = guide("Dockerfile ENTRYPOINT vs CMD", "In the shell form a Dockerfile's ENTRYPOINT or CMD gets no signals.")
    strengths = []
    for files in ({"tea.md": guide("tea", "A drink.")}, {"docker.md": docker}):
        other = retriever_over(files)
        strengths.append(weigh(other.retrieve(example), other.index).strength)
    assert strengths[0] < 0.1 and strengths[1] > ENOUGH


def test_a_part_with_a_subject_of_its_own_is_found_as_if_it_were_asked_alone(retriever: Retriever) -> None:
    parts = retriever.understand("What is dropout, and what is a feature store skew? what is roc auc").parts
    assert parts[-1].search == "what is roc auc"
    assert retriever.find(retriever.understand("What is dropout, and what is roc auc")).retrievals[1].sections == (
        retriever.retrieve("what is roc auc").sections
    )


def test_a_part_leans_toward_what_it_asks_itself_and_keeps_its_subject(retriever: Retriever, encoder: OnnxEncoder) -> None:
    whole, own = (encoding.vector for encoding in encoder.encode(["dropout: how do I test it", "how do I test it"]))
    query = retriever.retrieve("dropout: how do I test it", asked="how do I test it").query
    assert query.own == pytest.approx(own, abs=1e-5)
    assert whole @ own < query.encoding.vector @ own < query.encoding.vector @ whole
