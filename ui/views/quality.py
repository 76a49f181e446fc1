"""How good the answers are, as last measured."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from rag.settings import Settings, load_settings
from ui.panels import masthead, table
from ui.render import escape
from ui.session import html

BASELINE = Path(__file__).parents[2] / "evals" / "baseline.json"
NAMES = {
    "good": "Answers good enough to say aloud",
    "facts_stated": "Expected facts stated",
    "recall@5": "Right section among the first five",
    "recall@8": "Right section among those shown",
    "citation_precision": "Sentences their source supports",
    "citation_recall": "Sentences with a source",
    "hallucination": "Sentences no source supports",
    "refused": "Unanswerable questions refused",
    "over_refusal": "Answerable questions refused",
}
ACRONYMS = {"mrr": "MRR", "ndcg": "NDCG", "ragas": "RAGAS"}
LOWER_IS_BETTER = {"hallucination", "over_refusal"}
JUDGED_BY = ("good", "facts_stated", "recall@5", "refused")
WORST = 12
Summary = Mapping[str, Any]


def draw() -> None:
    html(masthead("Quality", "Measured on golden questions; the bars are 95 % intervals."))
    runs = read_runs(load_settings())
    if not runs:
        st.info("Nothing has been measured on this machine yet. Measure it: `python -m evals.run`", icon=":material/monitoring:")
        return
    folder, latest = runs[-1]
    config = latest.get("config", {})
    st.caption(
        f"{escape(str(latest.get('date', '')))}: {latest.get('rows', 0)} questions ({escape(str(config.get('split', '')))}), "
        f"{len(latest.get('failed', []))} failed; answers by {escape(str(config.get('model', '')))}, "
        f"judged by {escape(str(config.get('judge', '')))}"
    )
    html(figures(latest.get("metrics", {})))
    for key, title in (("by_style", "By the way of asking"), ("by_group", "By group")):
        if latest.get(key):
            html(breakdown(title, latest[key]))
    alike = [run for _, run in runs if run.get("config", {}).get("split") == config.get("split")]
    if len(alike) > 1:
        html(history(alike))
    if folder and (found := worst(folder)):
        html(found)


def read_runs(settings: Settings) -> list[tuple[Path | None, Summary]]:
    """Oldest first; the committed baseline when nothing was measured here."""
    runs: list[tuple[Path | None, Summary]] = []
    for path in sorted((settings.data_dir / "evals").glob("*/summary.json")):
        try:
            runs.append((path.parent, json.loads(path.read_text(encoding="utf-8"))))
        except ValueError:  # being written
            continue
    if not runs and BASELINE.exists():
        runs.append((None, json.loads(BASELINE.read_text(encoding="utf-8"))))
    return runs


def figures(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for name in sorted(metrics, key=lambda name: (list(NAMES).index(name) if name in NAMES else len(NAMES), name)):
        figure = metrics[name]
        if not 0 <= figure.get("low", -1) <= figure.get("high", 2) <= 1:
            continue  # not a share: times and costs have their own line
        spelled = [ACRONYMS.get(word, word) for word in name.replace("@", "_at_").split("_")]
        title = NAMES.get(name) or " ".join([spelled[0][0].upper() + spelled[0][1:], *spelled[1:]])
        better = ' <span class="cut">lower is better</span>' if name in LOWER_IS_BETTER else ""
        counted = f"{figure['low']:.2f} to {figure['high']:.2f}, {figure['scored']} questions"
        counted += f", {figure['unscored']} not scored" if figure.get("unscored") else ""
        rows.append(row(f"{escape(title)}{better}", f"{figure['mean']:.2f}", f"{interval(figure)}<span>{counted}</span>"))
    if speed := metrics.get("milliseconds"):
        half, most = speed.get("p50", speed["mean"]), speed.get("p95", speed["mean"])
        words = f"<span>half of the answers are faster; 95 of 100 take less than {most:.0f} ms</span>"
        rows.append(row("Time to answer", f"{half:.0f} ms", words))
    head = '<tr><th scope="col">Measure</th><th scope="col">Value</th><th scope="col">Interval</th></tr>'
    return table("Figures", f"<thead>{head}</thead><tbody>{''.join(rows)}</tbody>", "figures")


def row(name: str, value: str, words: str) -> str:
    return f'<tr><th scope="row">{name}</th><td class="figure">{value}</td><td>{words}</td></tr>'


def interval(figure: Mapping[str, Any]) -> str:
    low, mean, high = (100 * figure[name] for name in ("low", "mean", "high"))
    return (
        f'<span class="interval" aria-hidden="true"><i style="left:{low:.1f}%;width:{max(high - low, 0.5):.1f}%"></i>'
        f'<b style="left:{mean:.1f}%"></b></span>'
    )


def breakdown(title: str, groups: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    shown = [name for name in NAMES if any(name in figures for figures in groups.values())]
    head = "".join(f'<th scope="col">{escape(NAMES[name])}</th>' for name in shown)
    head = f'<tr><th scope="col">Group</th>{head}</tr>'
    body = ""
    for group, measured in sorted(groups.items()):
        cells = "".join(share(measured[name]["mean"]) if name in measured else "<td>–</td>" for name in shown)
        body += f'<tr><th scope="row">{escape(group.replace("-", " ").capitalize())}</th>{cells}</tr>'
    return f"<h2>{title}</h2>" + table(title, f"<thead>{head}</thead><tbody>{body}</tbody>", "heat")


def share(mean: float) -> str:
    return f'<td style="--share:{100 * mean:.0f}%">{mean:.2f}</td>'


def history(runs: Sequence[Summary]) -> str:
    """One small line per measure over the runs of the same questions."""
    lines = []
    for name, title in NAMES.items():
        values = [run["metrics"][name]["mean"] for run in runs if name in run.get("metrics", {})]
        if len(values) < 2:
            continue
        points = " ".join(f"{4 + 192 * at / (len(values) - 1):.1f},{44 - 40 * value:.1f}" for at, value in enumerate(values))
        label = f"{escape(title)}: from {values[0]:.2f} to {values[-1]:.2f}"
        drawing = f'<svg viewBox="0 0 200 48" role="img" aria-label="{label}"><polyline points="{points}"></polyline></svg>'
        lines.append(f"<figure>{drawing}<figcaption>{escape(title)}<b>{values[-1]:.2f}</b></figcaption></figure>")
    return f'<h2>Over {len(runs)} runs</h2><div class="history">{"".join(lines)}</div>'


def worst(folder: Path) -> str:
    """The questions with the poorest marks, each a link that asks it again."""
    try:
        rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        return ""
    marked = [(mark, row) for row in rows if (mark := mark_of(row)) is not None and mark < 1]
    marked.sort(key=lambda item: item[0])
    items = "".join(
        f'<li><a href="./?{escape(urlencode({"q": row["question"]}))}" target="_self">{escape(row["question"])}</a>'
        f"<span>{escape(str(row.get('style', '')))}, {mark:.2f}</span></li>"
        for mark, row in marked[:WORST]
    )
    return f'<h2>The worst questions</h2><ol class="worst">{items}</ol>' if items else ""


def mark_of(row: Mapping[str, Any]) -> float | None:
    values = [row["metrics"][name] for name in JUDGED_BY if row.get("metrics", {}).get(name) is not None]
    return sum(values) / len(values) if values else None
