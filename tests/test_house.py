"""Rules of the house that no reader should have to check by eye."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.settings import Settings

ROOT = Path(__file__).parents[1]
ROOMS = ("rag", "ingest", "evals", "ui")
PRODUCT = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))

# Who may import whom, besides itself.
MAY_IMPORT = {"rag": set(), "ingest": {"rag"}, "ui": {"rag", "ingest"}, "evals": {"rag", "ingest"}}

MODELS = {"rag/embed.py", "rag/export.py", "rag/rerank.py", "evals/bench.py"}
ALLOWED = {
    "chromadb": {"rag/vectors.py", "evals/bench.py"},  # the bench's own rivals are built as their makers build them
    "bm25s": {"rag/lexical.py"},
    "langchain": {"rag/langchain.py", "rag/llm.py", "evals/bench.py"},
    "sentence_transformers": MODELS,
    "torch": MODELS,
    "transformers": MODELS,
    "streamlit": {"ui/"},
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(module: ast.Module) -> Iterator[str]:
    """Every module imported anywhere in the file, also inside functions and by `__import__("…")` or `import_module("…")`."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield node.module or ""
        elif isinstance(node, ast.Call) and re.search(r"(__import__|import_module)$", ast.unparse(node.func)):
            yield from (str(word.value) for word in node.args if isinstance(word, ast.Constant))


def test_the_product_is_found_so_that_no_rule_here_holds_over_nothing() -> None:
    assert len(PRODUCT) > 30
    assert {name_of(path).split("/")[0] for path in PRODUCT} == set(ROOMS)


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    room = name_of(path).split("/")[0]
    used = {module.split(".")[0] for module in imports(tree(path))} & {*ROOMS, "tests"}
    assert used - {room} <= MAY_IMPORT[room]


@pytest.mark.parametrize("framework", ALLOWED)
def test_each_framework_is_imported_only_where_its_types_may_be_seen(framework: str) -> None:
    def uses(path: Path) -> bool:
        return any(
            module.split(".")[0].split("_")[0] == framework or module.split(".")[0] == framework for module in imports(tree(path))
        )

    users = {name_of(path) for path in PRODUCT if uses(path)}
    assert users, f"nothing imports {framework}: is the rule out of date?"
    assert {user for user in users if not user.startswith(tuple(ALLOWED[framework]))} == set()


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_the_environment_is_read_by_the_settings_alone(path: Path) -> None:
    module = tree(path)
    reads = [
        ast.unparse(node) for node in ast.walk(module) if isinstance(node, ast.Attribute | ast.Name) and reads_environment(node)
    ]
    writes = [
        ast.unparse(node)
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "os.environ.setdefault"
    ]
    assert len(reads) == len(writes), "read it in rag/settings.py instead"


def reads_environment(node: ast.Attribute | ast.Name) -> bool:
    return (node.attr if isinstance(node, ast.Attribute) else node.id) in ("environ", "environb", "getenv")


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_functions_stay_under_60_lines_and_files_under_400(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < 400
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or node.lineno) - node.lineno + 1 < 60, node.name


@pytest.mark.parametrize("path", PRODUCT, ids=name_of)
def test_nothing_is_left_to_do_in_a_comment(path: Path) -> None:
    assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_readme_under_its_name_with_its_default(name: str) -> None:
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("there is no README yet")
    line = next((line for line in readme.read_text(encoding="utf-8").splitlines() if f"PREP_{name.upper()}" in line), "")
    assert line, f"PREP_{name.upper()} is not in README.md"
    assert Settings.model_fields[name].description, "a setting says what it is for"
    default = Settings.model_fields[name].default
    assert not str(default) or str(default) in line, f"README.md gives another default than {default}"


def test_the_readme_names_no_setting_that_is_not_there() -> None:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    assert {name.lower() for name in re.findall(r"\bPREP_([A-Z_]+)\b", text)} <= set(Settings.model_fields)


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split("#")[0].strip() for line in lines]
    found = dict(row.split("==") for row in rows if row)
    return {canonical(name): version for name, version in found.items()}


def required() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *(item for group in project["optional-dependencies"].values() for item in group)]


@pytest.mark.parametrize("requirement", required())
def test_the_lock_pins_every_package_the_project_names_within_what_it_asks(requirement: str) -> None:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match
    version = pins().get(canonical(match.group()))
    assert version, f"{match.group()} is not in constraints.txt: make lock"
    if exact := re.search(r"==([\w.]+)", requirement):
        assert version == exact.group(1)


def test_the_lock_holds_no_local_versions_and_nothing_but_exact_pins() -> None:
    assert not [
        f"{name}=={version}" for name, version in pins().items() if "+" in version or "@" in version or not version[0].isdigit()
    ]
