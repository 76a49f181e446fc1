"""`python -m rag` as a person types it."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rag import journal
from rag.__main__ import wrapped
from tests.conftest import MODELS
from tests.rag.answers import folded, statements
from tests.rag.conftest import Library

QUESTION = "How do I detect train-serve skew?"
UNANSWERABLE = "who won the 2018 football world cup"
GUIDE = "corpus/debugging/train-serve-skew.md"
Done = subprocess.CompletedProcess[str]
Batch = tuple[int, list[dict[str, Any]]]


def run_in(folder: Path, *words: str, module: tuple[str, ...] = ("-m", "rag"), **settings: str) -> Done:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREP_")}
    environment |= {"PREP_MODELS_DIR": str(MODELS), "COLUMNS": "80", "PYTHONUTF8": "1", **settings}
    return subprocess.run(
        [sys.executable, *module, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(scope="module")
def printed(library: Library) -> Done:
    return run_in(library.folder, QUESTION)


@pytest.fixture(scope="module")
def as_json(library: Library) -> dict[str, Any]:
    result = run_in(library.folder, "--json", *QUESTION.split())
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("\n") == 1
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_an_answered_question_exits_0_and_prints_nothing_but_the_answer(printed: Done) -> None:
    assert (printed.returncode, printed.stderr) == (0, "")
    assert printed.stdout.strip()


def test_the_printed_answer_keeps_within_80_columns(printed: Done) -> None:
    assert max(map(len, printed.stdout.splitlines())) <= 80


def test_the_printed_text_is_the_answer_of_json_rewrapped(printed: Done, as_json: dict[str, Any]) -> None:
    assert folded(printed.stdout).startswith(folded(as_json["text"]))


def test_each_printed_source_is_a_file_and_line_that_holds_the_quotes_first_words(
    printed: Done, as_json: dict[str, Any], library: Library
) -> None:
    for citation in as_json["citations"]:
        places = [line.strip() for line in printed.stdout.splitlines() if line.strip().startswith(f"{citation['path']}:")]
        start = " ".join(citation["quote"].split("\n")[0].split()[:4])
        lines = (library.folder / citation["path"]).read_text().split("\n")
        assert any(start in lines[int(place.rsplit(":", 1)[1]) - 1] for place in places)
        assert f"[{citation['number']}] {citation['guide']}"[:60] in printed.stdout


def test_json_has_exactly_the_promised_keys(as_json: dict[str, Any]) -> None:
    assert set(as_json) == {"question", "status", "text", "citations", "passages", "trace"}
    for citation in as_json["citations"]:
        assert set(citation) == {"number", "guide", "heading", "path", "start", "end", "quote"}
    for passage in as_json["passages"]:
        assert set(passage) == {"id", "text", "path", "heading", "score"}
    assert as_json["citations"] and as_json["passages"]
    assert (as_json["question"], as_json["status"]) == (QUESTION, "answered")


def test_json_quotes_are_spans_of_the_documents_they_name(as_json: dict[str, Any], library: Library) -> None:
    for citation in as_json["citations"]:
        assert library.document(citation["path"]).text[citation["start"] : citation["end"]] == citation["quote"]
    assert {number for _, number in statements(as_json["text"])} == {item["number"] for item in as_json["citations"]}


def test_a_refusal_exits_3_cites_nothing_and_is_recorded_as_the_app_records_it(library: Library, tmp_path: Path) -> None:
    settings = library.copy(tmp_path)
    result = run_in(tmp_path, "--json", UNANSWERABLE)
    found = json.loads(result.stdout)
    assert result.returncode == 3
    assert (found["status"], found["citations"]) == ("not_in_corpus", [])
    (gap,) = journal.entries(settings, "gap")
    near = [library.document(passage["path"]).title + f": {passage['heading']}" for passage in found["passages"][:3]]
    assert {name: value for name, value in gap.items() if name not in ("kind", "at")} == {
        "question": UNANSWERABLE, "understood": found["trace"]["understood"],
        "strength": found["trace"]["evidence"]["strength"], "nearest": near,
    }  # fmt: skip
    assert len(near) == 3


def test_only_a_refusal_is_recorded_and_none_of_a_batch(library: Library, tmp_path: Path) -> None:
    settings = library.copy(tmp_path)
    (tmp_path / "in.jsonl").write_text(json.dumps({"question": UNANSWERABLE}))
    run_in(tmp_path, "--batch", "in.jsonl", "out.jsonl")
    run_in(tmp_path, QUESTION)
    assert "not_in_corpus" in (tmp_path / "out.jsonl").read_text() and not journal.path(settings).exists()


def test_a_journal_that_cannot_be_written_costs_no_refusal(library: Library, tmp_path: Path) -> None:
    journal.path(library.copy(tmp_path)).mkdir()
    result = run_in(tmp_path, UNANSWERABLE)
    assert (result.returncode, result.stderr) == (3, "") and "The guides do not answer this." in result.stdout


def test_filters_on_the_command_line_reach_retrieval(library: Library) -> None:
    result = run_in(
        library.folder, "--json", "--area", "evaluation", "--area", "coding", "--level", "core", "How is ROC AUC computed?"
    )
    paths = {passage["path"].split("/")[1] for passage in json.loads(result.stdout)["passages"]}
    assert paths and paths <= {"evaluation", "coding"}


LINES = [
    {"id": "q1", "question": QUESTION},
    "this is no JSON",
    {"id": "q3"},
    {"id": "q4", "question": "how do I prevent it?", "history": [{"role": "user", "content": "What is train-serve skew?"}]},
    {"id": "q5", "question": "how do I prevent it?", "history": ["What is train-serve skew?"]},
    {"id": "q6", "question": "how do I prevent it?", "history": [{"question": "What is train-serve skew?", "answer": "A gap."}]},
    ["a", "list"],
    {"question": UNANSWERABLE},
    {"id": "q9", "question": 7},
    {"id": "q10", "question": QUESTION, "history": None},
    {"id": 11, "question": QUESTION, "history": [3]},
]


@pytest.fixture(scope="module")
def batch(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Batch:
    folder = tmp_path_factory.mktemp("batch")
    lines = [line if isinstance(line, str) else json.dumps(line) for line in LINES]
    (folder / "in.jsonl").write_text("\n".join(lines) + "\n\n")
    result = run_in(library.folder, "--batch", str(folder / "in.jsonl"), str(folder / "out.jsonl"))
    assert "Traceback" not in result.stderr
    return result.returncode, [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


def test_a_batch_has_one_line_out_for_every_line_in_under_its_id(batch: Batch) -> None:
    assert [item["id"] for item in batch[1]] == ["q1", 2, "q3", "q4", "q5", "q6", 7, 8, "q9", "q10", 11]


def test_a_bad_line_becomes_an_error_and_costs_the_others_nothing(batch: Batch) -> None:
    statuses = {item["id"]: item["status"] for item in batch[1]}
    bad = {2, "q3", 7, "q9", 11}
    assert {name for name, status in statuses.items() if status == "error"} == bad
    assert statuses["q1"] == statuses["q10"] == "answered"
    assert statuses[8] == "not_in_corpus"
    assert all(item["error"] for item in batch[1] if item["id"] in bad)


def test_a_batch_with_failures_exits_1(batch: Batch) -> None:
    assert batch[0] == 1


def test_every_form_of_history_carries_the_subject_over(batch: Batch) -> None:
    followed = [item for item in batch[1] if item["id"] in ("q4", "q5", "q6")]
    assert len({item["text"] for item in followed}) == 1
    assert all(item["citations"][0]["path"] == GUIDE for item in followed)


def test_a_batch_answer_has_the_keys_of_a_single_one_and_an_id(batch: Batch, as_json: dict[str, Any]) -> None:
    first = batch[1][0]
    assert set(first) == {"id", *as_json}
    assert (first["text"], first["citations"]) == (as_json["text"], as_json["citations"])


def test_a_batch_file_that_is_missing_exits_2_and_leaves_no_output(library: Library, tmp_path: Path) -> None:
    result = run_in(library.folder, "--batch", str(tmp_path / "none.jsonl"), str(tmp_path / "out.jsonl"))
    assert result.returncode == 2
    assert "none.jsonl" in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "out.jsonl").exists()


GOOD = json.dumps({"id": "q1", "question": QUESTION})


def test_a_batch_file_that_is_not_text_exits_2_without_a_traceback(library: Library, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"\xff\xfe\x00")
    result = run_in(library.folder, "--batch", str(tmp_path / "in.jsonl"), str(tmp_path / "out.jsonl"))
    assert result.returncode == 2 and "Traceback" not in result.stderr


def test_a_batch_whose_output_cannot_be_written_says_so_without_a_traceback(library: Library, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(GOOD)
    result = run_in(library.folder, "--batch", str(tmp_path / "in.jsonl"), str(tmp_path / "none" / "out.jsonl"))
    assert result.returncode in (1, 2) and "none" in result.stderr and "Traceback" not in result.stderr


def test_a_byte_order_mark_and_a_line_separator_inside_a_question_cost_no_answer(library: Library, tmp_path: Path) -> None:
    lines = [GOOD, json.dumps({"id": "q2", "question": "What is train-serve\u2028skew?"}, ensure_ascii=False)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines), encoding="utf-8-sig")
    run_in(library.folder, "--batch", str(tmp_path / "in.jsonl"), str(tmp_path / "out.jsonl"))
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").split("\n") if line]
    assert [(item["id"], item["status"]) for item in found] == [("q1", "answered"), ("q2", "answered")]


def test_a_setting_that_cannot_be_is_named_without_a_traceback(library: Library) -> None:
    result = run_in(library.folder, QUESTION, PREP_THREADS="many")
    assert result.returncode in (1, 2)
    assert "threads" in result.stderr.lower() and "Traceback" not in result.stderr


@pytest.mark.parametrize("words", [[], [""], ["--no-such-option"], ["one", "--batch", "a", "b"]], ids=str)
def test_wrong_usage_exits_2_and_shows_how(tmp_path: Path, words: list[str]) -> None:
    result = run_in(tmp_path, *words)
    assert result.returncode == 2
    assert "usage: python -m rag" in result.stderr and "Traceback" not in result.stderr


def test_asked_before_ingest_exits_1_with_the_command_to_type(tmp_path: Path) -> None:
    result = run_in(tmp_path, QUESTION)
    assert (result.returncode, result.stdout) == (1, "")
    assert "python -m ingest" in result.stderr and "Traceback" not in result.stderr


HEAVY = ["torch", "transformers", "sentence_transformers", "streamlit", "langchain_core"]
ASK_THEN_LOOK = f"""
import sys
from rag.assistant import Assistant
from rag.settings import Settings
assert Assistant(Settings()).ask({QUESTION!r}).status == "answered"
print([name for name in {HEAVY} if name in sys.modules])
"""


def test_asking_a_question_imports_neither_torch_nor_any_other_heavy_framework(library: Library) -> None:
    result = run_in(library.folder, ASK_THEN_LOOK, module=("-c",))
    assert (result.stdout.strip(), result.stderr) == ("[]", "")


def test_code_and_tables_are_never_rewrapped() -> None:
    long = "x " * 60
    text = f"```python\n{long}\n```\n| {long} |\n- {long}\n{long}"
    lines = wrapped(text, 40).split("\n")
    assert lines[:4] == ["```python", long, "```", f"| {long} |"]
    assert max(map(len, lines[4:])) <= 40


def test_a_wrapped_item_hangs_under_its_own_text() -> None:
    first, *rest = wrapped("10. " + "word " * 20, 30).split("\n")
    assert first.startswith("10. word") and rest and all(line.startswith("    word") for line in rest)
    place = "    corpus/debugging/train-serve-skew.md:153"
    assert wrapped(f"[1] {'word ' * 9}\n{place}", 30).split("\n")[1:] == ["    word word word word", place]


def test_nothing_in_a_text_gives_the_terminal_orders() -> None:
    assert wrapped("a\x1b]0;title\x07\tb\x9b2J\r\nc\x7f") == "a]0;title\tb2J\nc"


def test_an_area_that_no_guide_has_is_named_with_those_that_exist(library: Library) -> None:
    result = run_in(library.folder, "--area", "lllm", QUESTION)
    assert result.returncode == 2
    assert "'lllm'" in result.stderr and "llm" in result.stderr.split("There are:")[1]


def test_a_batch_does_not_overwrite_its_own_questions(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(GOOD)
    result = run_in(library.folder, "--batch", str(path), str(path))
    assert (result.returncode, path.read_text()) == (2, GOOD)


def test_a_reader_that_closes_the_pipe_early_gets_no_traceback(library: Library) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "rag", QUESTION]
    environment = {**os.environ, "PREP_DATA_DIR": str(library.settings.data_dir), "PREP_MODELS_DIR": str(MODELS)}
    result = subprocess.run(command, cwd=library.folder, env=environment, stdout=write_end, stderr=subprocess.PIPE, text=True)
    os.close(write_end)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["rag", QUESTION], ""),
        (["ingest"], "Nothing is lost: the next `python -m ingest`"),
        (["evals.run"], "What is measured is kept"),
    ],
    ids=["rag", "ingest", "evals.run"],
)
def test_ctrl_c_ends_a_command_with_130_and_no_traceback(library: Library, words: list[str], told: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environment = {
            **os.environ,
            "PREP_MODELS_DIR": str(MODELS),
            "PREP_CHROMA_URL": url,
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        command = [sys.executable, "-m", *words]
        with subprocess.Popen(command, cwd=library.folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
            connection, _ = silent.accept()  # it is at work now, and waits for an answer
            with connection:
                process.send_signal(signal.SIGINT)
                _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told in said and "Traceback" not in said
