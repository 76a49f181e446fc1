"""What can go wrong for a person, said so that the next step is plain."""

import signal
import sys
from typing import Any


class PrepError(Exception):
    """Base of every error shown without a traceback; the message ends with what to do next."""


class IndexMissing(PrepError):
    """Asked before anything was ingested."""


class IndexDamaged(PrepError):
    """The index on disk contradicts itself."""


class IndexBusy(PrepError):
    """Another process is writing the index."""


class ModelProblem(PrepError):
    """A model cannot be loaded, or its bytes are not the ones expected."""


class BadInput(PrepError):
    """A file that cannot be ingested; the message is the reason shown in the closing table."""


def end_on_interrupt(told: str = "") -> None:
    """From here on Ctrl-C ends the command with status 130 and this; commands call it before their slow imports."""

    def end(*_: Any) -> None:
        print(told, file=sys.stderr)
        sys.exit(130)

    signal.signal(signal.SIGINT, end)
