"""What becomes the `fanlight` command behind it, with short waits where the real ones are no settings.

They are 15 s for a head or a body at the API. What comes then is the same. A third of that is short, and long
enough for whoever means well on a loaded machine.
"""

import sys
from typing import Final

from workers.cli import main
from workers.control import limits

WAIT_S: Final = 5.0


def be_hasty() -> None:
    """Before any worker is forked."""
    limits.KEEP_ALIVE_S = WAIT_S  # type: ignore[misc]
    limits.REQUEST_S = WAIT_S  # type: ignore[misc]


if __name__ == "__main__":
    be_hasty()
    sys.exit(main(sys.argv[2:]))
