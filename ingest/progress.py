"""The bar that long work shows."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich import progress as bars
from rich.console import Console

from ingest.sync import Progress


@contextmanager
def progress_bar(console: Console) -> Iterator[Progress]:
    """A bar that appears with the first passage to embed."""
    columns = (
        bars.TextColumn("Embedding"), bars.BarColumn(), bars.MofNCompleteColumn(), bars.TextColumn("passages"),
        bars.TextColumn("{task.speed:.0f}/s" if console.is_terminal else ""), bars.TimeRemainingColumn(),
    )  # fmt: skip
    with bars.Progress(*columns, console=console, transient=True) as display:
        task = display.add_task("", total=None, visible=False)

        def advance(done: int, total: int) -> None:
            display.update(task, completed=done, total=total, visible=total > 0)

        yield advance
