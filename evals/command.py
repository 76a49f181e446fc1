"""How every command here ends."""

import functools
import sys
from collections.abc import Callable

from rag.errors import PrepError


def command(main: Callable[[], int]) -> Callable[[], int]:
    """What a person can mend is one line and status 2, Ctrl-C is status 130; neither is a traceback."""

    @functools.wraps(main)
    def ended() -> int:
        try:
            return main()
        except PrepError as error:
            print(error, file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            return 130

    return ended
