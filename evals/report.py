"""A run as one HTML file: figures with intervals, by style and group, and the worst answers with what they were made of."""

from collections.abc import Sequence
from html import escape
from typing import Any

SHOWN = (
    "recall@5",
    "recall@8",
    "facts_stated",
    "citation_recall",
    "citation_precision",
    "ragas_faithfulness",
    "over_refusal",
    "refused",
)
COLUMNS = ("measure", "mean", "95 % interval", "scored", "not scored")
WORST = 20
STYLE = """
:root { color-scheme: light dark;
  --ink: #1d2733; --soft: #5c6b7a; --line: #d8dee6; --bar: #2f6f8f; --band: #9cc3d5; --page: #fbfaf7 }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e8ecf0; --soft: #9fb0c0; --line: #37424e; --bar: #6fb6d6; --band: #33586a; --page: #15191e } }
body { font: 16px/1.5 Georgia, serif; color: var(--ink); background: var(--page);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1, h2, th, summary, .label { font-family: system-ui, sans-serif } h2 { margin-top: 2.5rem }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line) }
td.number { text-align: right; font-variant-numeric: tabular-nums } .soft { color: var(--soft) }
details { border: 1px solid var(--line); border-radius: 6px; padding: .6rem 1rem; margin: .6rem 0 }
pre { white-space: pre-wrap; font-size: .85rem }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif }
"""


def page(summary: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    config = summary["config"]
    title = f"Prep RAG, {config['split']}, {summary['date']}"
    told = (
        f"{summary['rows']} questions, {len(summary['failed'])} failed, {summary['lost_quotes']} quotes lost. "
        f"Answers by {config['model']} ({config['length']}), judge: {config['judge']}. "
        "Bars are means, bands 95 % bootstrap intervals over questions."
    )
    parts = [
        f"<h1>{escape(title)}</h1><p>{escape(told)}</p>",
        chart("All questions", {name: summary["metrics"][name] for name in SHOWN if name in summary["metrics"]}),
        figures_table(summary["metrics"]),
        *(
            chart(f"{metric} by {key[3:]}", {name: found[metric] for name, found in summary[key].items() if metric in found})
            for key in ("by_style", "by_group")
            for metric in ("recall@8", "facts_stated")
        ),
        "<h2>The worst answers</h2>",
        *(described(row) for row in worst(rows)),
    ]  # fmt: skip
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style><body>{''.join(parts)}</body></html>"
    )


def chart(title: str, figures: dict[str, dict[str, Any]]) -> str:
    """Horizontal bars with their intervals."""
    if not figures:
        return ""
    lines = []
    for place, (name, figure) in enumerate(figures.items()):
        top, width = 8 + 26 * place, 420
        low, high = figure.get("low", figure["mean"]), figure.get("high", figure["mean"])
        lines.append(
            f'<text x="170" y="{top + 13}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="180" y="{top}" width="{width * figure["mean"]:.1f}" height="16" rx="2" fill="var(--bar)"/>'
            f'<rect x="{180 + width * low:.1f}" y="{top + 6}" width="{width * (high - low):.1f}" height="4" fill="var(--band)"/>'
            f'<text x="{188 + width}" y="{top + 13}">{figure["mean"]:.2f} (n={figure["scored"]})</text>'
        )
    height = 16 + 26 * len(figures)
    label = "; ".join(f"{name} {figure['mean']:.2f}" for name, figure in figures.items())
    return (
        f"<h2>{escape(title)}</h2>"
        f'<svg viewBox="0 0 720 {height}" role="img" aria-label="{escape(label)}" width="100%">{"".join(lines)}</svg>'
    )


def figures_table(figures: dict[str, dict[str, Any]]) -> str:
    lines = ["".join(f"<th>{name}</th>" for name in COLUMNS)]
    for name, figure in figures.items():
        numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells(figure))
        lines.append(f'<th scope="row">{escape(name)}</th>{numbers}')
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def cells(figure: dict[str, Any]) -> list[str]:
    """What stands under the columns behind a measure's name."""
    extra = f", p50 {figure['p50']:.1f}, p95 {figure['p95']:.1f}" if "p50" in figure else ""
    interval = f"{figure['low']:.3f} … {figure['high']:.3f}" if "low" in figure else ""
    return [f"{figure['mean']:.3f}{extra}", interval, str(figure["scored"]), str(figure["unscored"])]


def badness(row: dict[str, Any]) -> tuple[float, str]:
    """Failures first, then wrong refusals and wrong answers, then answers that state few of their facts."""
    metrics = row["metrics"]
    if row["status"] != "scored":
        return -3.0, row["id"]
    if metrics.get("over_refusal") == 1 or metrics.get("refused") == 0:
        return -2.0, row["id"]
    stated = metrics.get("facts_stated")
    return (1.0 if stated is None else stated) - (metrics.get("hallucination") or 0.0), row["id"]


def worst(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=badness)[:WORST]


def in_short(row: dict[str, Any]) -> dict[str, Any]:
    """The question, and what is wrong with its answer."""
    metrics = row["metrics"]
    if row["status"] != "scored":
        fault = "failed"
    elif metrics.get("over_refusal") == 1:
        fault = "refused, though the guides answer it"
    elif metrics.get("refused") == 0:
        fault = "answered, though the guides do not"
    elif metrics.get("hallucination"):
        fault = "says what its sources do not"
    else:
        fault = f"{metrics['facts_stated']:.0%} of the expected facts stated"
    return {"question": row["question"], "history": row["history"], "style": row["style"], "fault": fault}


def described(row: dict[str, Any]) -> str:
    measured = ", ".join(f"{name} {value:.2f}" for name, value in row["metrics"].items() if value is not None)
    facts = "".join(
        f"<li>{'stated' if fact['stated'] else 'missing'}, passage {fact['rank'] or '–'}: {escape(fact['fact'])}</li>"
        for fact in row.get("facts", ())
    )
    passages = "".join(
        f"<details><summary>{escape(passage['heading'])} <span class='soft'>{escape(passage['place'])}</span></summary>"
        f"<pre>{escape(passage['text'])}</pre></details>"
        for passage in row.get("passages", ())
    )
    unsupported = "".join(
        f"<li>not supported: {escape(item['text'])}</li>" for item in row.get("sentences", ()) if not item["founded"]
    )
    before = "".join(f"<p class='soft'>before: {escape(question)}</p>" for question in row["history"])
    return (
        f"<details><summary>{escape(row['id'])} <span class='soft'>{escape(row['style'])}, {escape(row['group'])}</span> "
        f"{escape(row['question'])}</summary>{before}<p class='soft'>{escape(measured)}</p><ul>{facts}{unsupported}</ul>"
        f"<pre>{escape(row.get('answer') or row.get('error', ''))}</pre>"
        f"<p>{escape(str(row.get('trace', '')))}</p>{passages}</details>"
    )
