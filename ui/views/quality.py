"""How good the answers are, as last measured."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from rag.settings import Settings, load_settings
from ui.panels import masthead, readable, table
from ui.render import escape, literal
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
NOT_SHARES = {"milliseconds", "words", "tokens", "cost", "cost_per_good_answer"}
Summary = Mapping[str, Any]


def draw() -> None:
    html(masthead("Quality", "Measured on golden questions; the bars are 95 % intervals."))
    runs = read_runs(load_settings())
    if not runs:
        st.info("Nothing has been measured on this machine yet. Measure it: `python -m evals.run`", icon=":material/monitoring:")
        return
    latest = runs[-1]
    config = latest["config"]
    st.caption(
        f"{latest['date']}: {latest['rows']} questions ({config['split']}), {len(latest['failed'])} failed; "
        f"answers by {literal(str(config['model']))}, judged by {literal(str(config['judge']))}"
    )
    html(figures(latest["metrics"]))
    for alike in of_the_same_questions(runs):
        html(history(alike))
    html(breakdown("By the way of asking", latest["by_style"]))
    html(breakdown("By group", latest["by_group"]))
    html(worst(latest.get("worst", [])))


def read_runs(settings: Settings) -> list[Summary]:
    """Oldest first; the committed baseline when nothing was measured here."""
    paths = sorted((settings.data_dir / "evals").glob("*/summary.json"), key=lambda path: path.stat().st_mtime) or [BASELINE]
    runs: list[Summary] = []
    for path in paths:
        with suppress(OSError, ValueError):  # there is no baseline, or the summary is being written
            runs.append(json.loads(path.read_text(encoding="utf-8")))
    return runs


def of_the_same_questions(runs: Sequence[Summary]) -> list[list[Summary]]:
    """Runs that can be compared, in the order they were made."""
    sets = [(run["config"]["split"], run["rows"]) for run in runs]
    groups = [[run for run, its in zip(runs, sets, strict=True) if its == one] for one in dict.fromkeys(sets)]
    return [group for group in groups if len(group) > 1]


def figures(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [share(name, metrics[name]) for name in NAMES if name in metrics]
    if speed := metrics.get("milliseconds"):
        words = f"<span>half of the answers are faster; 95 of 100 take less than {speed['p95']:.0f} ms</span>"
        rows.append(("Time to answer", f"{speed['p50']:.0f} ms", words))
    more = [share(name, figure) for name, figure in metrics.items() if name not in NOT_SHARES | NAMES.keys()]
    head = ["Measure", "Value", "Interval"]
    return (
        table("Figures", "figures", rows, head)
        + f'<details class="found"><summary>More measures</summary>\n{table("More measures", "figures", more, head)}</details>'
    )


def share(name: str, figure: Mapping[str, Any]) -> tuple[str, str, str]:
    words = [ACRONYMS.get(word, word) for word in name.replace("@", "_at_").split("_")]
    title = escape(NAMES.get(name) or words[0][0].upper() + " ".join(words)[1:])
    better = ' <span class="cut">lower is better</span>' if name in LOWER_IS_BETTER else ""
    counted = f"{figure['low']:.2f} to {figure['high']:.2f}, {figure['scored']} questions"
    counted += f", {figure['unscored']} not scored" if figure["unscored"] else ""
    low, mean, high = (100 * figure[part] for part in ("low", "mean", "high"))
    interval = (
        f'<span class="interval" aria-hidden="true"><i style="left:{low:.1f}%;width:{max(high - low, 0.5):.1f}%"></i>'
        f'<b style="left:{mean:.1f}%"></b></span><span>{counted}</span>'
    )
    return title + better, f"{figure['mean']:.2f}", interval


def breakdown(title: str, groups: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    shown = [name for name in NAMES if any(name in measured for measured in groups.values())]
    rows = []
    for group, measured in sorted(groups.items()):
        means = (measured[name]["mean"] if name in measured else None for name in shown)
        cells = ("–" if mean is None else f'<i style="width:calc({mean:.2f} * (100% - 0.7rem))"></i>{mean:.2f}' for mean in means)
        rows.append((escape(readable(group)), *cells))
    return f"<h2>{title}</h2>" + table(title, "heat", rows, ["Group", *(NAMES[name] for name in shown)])


def history(runs: Sequence[Summary]) -> str:
    """One small line per measure over the runs of the same questions."""
    lines = ""
    for name, title in NAMES.items():
        values = [run["metrics"][name]["mean"] for run in runs if name in run["metrics"]]
        if len(values) > 1:
            points = " ".join(f"{4 + 192 * at / (len(values) - 1):.1f},{44 - 40 * value:.1f}" for at, value in enumerate(values))
            label = f"{title}: from {values[0]:.2f} to {values[-1]:.2f}"
            drawing = f'<svg viewBox="0 0 200 48" role="img" aria-label="{label}"><polyline points="{points}"></polyline></svg>'
            lines += f"<figure>{drawing}<figcaption>{title}<b>{values[-1]:.2f}</b></figcaption></figure>"
    return f'<h2>Over {len(runs)} runs of {runs[0]["rows"]} questions</h2><div class="history">{lines}</div>'


def worst(rows: Sequence[Mapping[str, Any]]) -> str:
    """The questions with the poorest answers, each a link that asks it again."""
    items = ""
    for row in rows:
        before = "".join(f"after “{escape(earlier)}”, " for earlier in row["history"])
        address = escape(urlencode({"q": row["question"]}))
        items += f'<li><a href="./?{address}" target="_self">{escape(row["question"])}</a>'
        items += f"<span>{before}{escape(row['style'])}: {escape(row['fault'])}</span></li>"
    return f'<h2>The worst questions</h2><ol class="worst">{items}</ol>' if items else ""
