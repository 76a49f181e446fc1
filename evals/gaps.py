"""`python -m evals.gaps`: what people asked and the guides did not answer, the most wanted first, as a list to work through."""

import datetime
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.command import command
from rag import journal
from rag.embed import Encoder, Floats, load_encoder
from rag.settings import Settings, load_settings

SAME = 0.8  # cosine above which two questions ask the same thing
Gap = list[dict[str, Any]]  # journal entries that ask the same thing


def grouped(entries: Sequence[dict[str, Any]], encoder: Encoder) -> list[Gap]:
    """A follow-up counts by what it was understood to ask, and so does the wish made at its refusal; the most wanted first."""
    understood = {entry["question"]: entry.get("understood") or entry["question"] for entry in entries if entry["kind"] == "gap"}
    by_text: dict[str, Gap] = {}
    for entry in entries:
        by_text.setdefault(one_line(understood.get(entry["question"], entry["question"])), []).append(entry)
    texts = sorted(by_text, key=lambda text: (-len(by_text[text]), text))
    leaders: list[tuple[Floats, Gap]] = []
    for text, encoding in zip(texts, encoder.encode(texts), strict=True):
        vector = encoding.vector
        near = max(leaders, key=lambda leader: float(vector @ leader[0]), default=None)
        if near and vector @ near[0] > SAME:
            near[1].extend(by_text[text])
        else:
            leaders.append((vector, by_text[text]))
    return sorted((gap for _, gap in leaders), key=lambda gap: (-count(gap, "wanted"), -count(gap, "gap")))


def count(gap: Gap, kind: str) -> int:
    return sum(entry["kind"] == kind for entry in gap)


def one_line(text: str) -> str:
    return " ".join(text.split())


def written(gap: Gap) -> str:
    newest = max(gap, key=lambda entry: str(entry["at"]))
    (first, _), *others = Counter(one_line(entry["question"]) for entry in gap).most_common()
    lines = [f"- [ ] **{first}** (refused {count(gap, 'gap')}, wanted {count(gap, 'wanted')}, last {newest['at'][:10]})"]
    lines += [f"  - asked as: {text} ({times})" for text, times in others]
    lines += [
        f"  - nearest: {one_line(name)}" for name in dict.fromkeys(name for entry in gap for name in entry.get("nearest", ()))
    ]
    return "\n".join(lines) + "\n"


def review_file(settings: Settings, name: str, text: str) -> Path:
    """Always a new file: one that a person works through is never written over."""
    path = settings.data_dir / "review" / f"{datetime.datetime.now():%Y-%m-%d-%H%M%S-%f}-{name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def main() -> None:
    settings = load_settings()
    entries = [*journal.entries(settings, "gap"), *journal.entries(settings, "wanted")]
    gaps = grouped(entries, load_encoder(settings)) if entries else []
    told = f"{count(entries, 'gap')} refusals and {count(entries, 'wanted')} wishes, {len(gaps)} different questions"
    path = review_file(settings, "gaps.md", f"# {told}\n\n" + "\n".join(map(written, gaps))) if gaps else "nothing to review"
    print(f"{told}: {path}")


if __name__ == "__main__":
    command(main)
