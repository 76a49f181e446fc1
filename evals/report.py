"""A run as one HTML file: figures with intervals, by style and group, and the worst answers with what they were made of."""

from collections.abc import Sequence
from html import escape
from typing import Any

SHOWN = "recall@5 recall@8 facts_stated citation_recall citation_precision ragas_faithfulness over_refusal refused".split()
COLUMNS = ("measure", "mean", "95 % interval", "scored", "not scored")
WORST = 20
STYLE = """
:root { color-scheme: light dark; --bar: light-dark(#2f6f8f, #6fb6d6); --band: light-dark(#9cc3d5, #33586a) }
body { font: 16px/1.5 Georgia, serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1, h2, th, summary { font-family: system-ui, sans-serif } h2 { margin-top: 2.5rem }
table { border-collapse: collapse; width: 100%; font-size: .9rem } th { text-align: left }
th, td { padding: .3rem .6rem; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent) }
td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums } .soft { opacity: .7 }
td.bar { position: relative; width: 30% }
td.bar > * { position: absolute; top: .5rem; left: 0; height: .9rem; background: var(--bar) }
td.bar > b { height: .3rem; margin-top: .3rem; background: var(--band) }
details { border: 1px solid color-mix(in srgb, currentColor 20%, transparent); padding: .6rem 1rem; margin: .6rem 0 }
pre { white-space: pre-wrap; font-size: .85rem }
"""


def headline(summary: dict[str, Any]) -> str:
    config = summary["config"]
    return (
        f"{config['split']}: {summary['rows']} questions, {len(summary['failed'])} failed, {summary['lost_quotes']} quotes lost; "
        f"answers by {config['model']} ({config['length']}), judge: {config['judge']}; 95 % intervals bootstrapped over questions"
    )


def page(summary: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    title = f"Prep RAG, {summary['config']['split']}, {summary['date']}"
    parts = [
        f"<h1>{escape(title)}</h1><p>{escape(headline(summary))}</p>",
        figures_table("All questions", summary["metrics"]),
        *(
            figures_table(
                f"{name} by {key[3:]}", {group: figures[name] for group, figures in summary[key].items() if name in figures}
            )
            for key in ("by_style", "by_group")
            for name in ("recall@8", "facts_stated")
        ),
        "<h2>The worst answers</h2>",
        *(described(row) for row in worst(rows)),
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style><body>{''.join(parts)}</body></html>"
    )


def figures_table(title: str, figures: dict[str, dict[str, Any]]) -> str:
    """Bars are as long as the means of shares, bands as wide as their intervals."""
    lines = "".join(f"<th>{name}</th>" for name in (*COLUMNS, ""))
    for name, figure in figures.items():
        bar = ""
        if figure.get("high", 2) <= 1:
            low, mean, high = (100 * figure[key] for key in ("low", "mean", "high"))
            bar = f'<i style="width:{mean:.1f}%"></i><b style="left:{low:.1f}%;width:{high - low:.1f}%"></b>'
        numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells(figure))
        lines += f'</tr><tr><th scope="row">{escape(name)}</th>{numbers}<td class="bar">{bar}</td>'
    return f"<h2>{escape(title)}</h2><table><tr>{lines}</tr></table>" if figures else ""


def cells(figure: dict[str, Any]) -> list[str]:
    """What stands under the columns behind a measure's name."""
    extra = f", p50 {figure['p50']:.1f}, p95 {figure['p95']:.1f}" if "p50" in figure else ""
    interval = f"{figure['low']:.3f} … {figure['high']:.3f}" if "low" in figure else ""
    return [f"{figure['mean']:.3f}{extra}", interval, str(figure["scored"]), str(figure["unscored"])]


def fault(row: dict[str, Any]) -> tuple[float, str]:
    """How bad an answer is, the worst lowest, and what is wrong with it: failures, wrong refusals and answers, missing facts."""
    metrics = row["metrics"]
    if row["status"] != "scored":
        return -3.0, "failed"
    if metrics.get("over_refusal") == 1:
        return -2.0, "refused, though the guides answer it"
    if metrics.get("refused") == 0:
        return -2.0, "answered, though the guides do not"
    stated = 1.0 if metrics.get("facts_stated") is None else metrics["facts_stated"]
    if invented := metrics.get("hallucination"):
        return stated - invented, "says what its sources do not"
    return stated, f"{stated:.0%} of the expected facts stated"


def worst(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (fault(row)[0], row["id"]))[:WORST]


def in_short(row: dict[str, Any]) -> dict[str, Any]:
    return {"question": row["question"], "history": row["history"], "style": row["style"], "fault": fault(row)[1]}


def described(row: dict[str, Any]) -> str:
    measured = ", ".join(f"{name} {value:.2f}" for name, value in row["metrics"].items() if value is not None)
    points = [
        f"{'stated' if fact['stated'] else 'missing'}, passage {fact['rank'] or '–'}: {fact['fact']}"
        for fact in row.get("facts", ())
    ]
    points += [f"not supported: {item['text']}" for item in row.get("sentences", ()) if not item["founded"]]
    listed = "".join(f"<li>{escape(point)}</li>" for point in points)
    passages = "".join(
        f"<details><summary>{escape(passage['heading'])} <span class='soft'>{escape(passage['place'])}</span></summary>"
        f"<pre>{escape(passage['text'])}</pre></details>"
        for passage in row.get("passages", ())
    )
    before = "".join(f"<p class='soft'>before: {escape(question)}</p>" for question in row["history"])
    return (
        f"<details><summary>{escape(row['id'])} <span class='soft'>{escape(row['style'])}, {escape(row['group'])}</span> "
        f"{escape(row['question'])}</summary>{before}<p class='soft'>{escape(measured)}</p><ul>{listed}</ul>"
        f"<pre>{escape(row.get('answer') or row.get('error', ''))}</pre>"
        f"<p>{escape(str(row.get('trace', '')))}</p>{passages}</details>"
    )
