"""How every command here ends."""

import sys
from collections.abc import Callable
from typing import NoReturn

from rag.errors import PrepError


def command(main: Callable[[], int | None]) -> NoReturn:
    """What a person can mend is one line and status 2, Ctrl-C is status 130; neither is a traceback."""
    try:
        sys.exit(main())
    except PrepError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
