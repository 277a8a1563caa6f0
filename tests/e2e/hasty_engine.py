"""What becomes the `fanlight` command behind it, with short waits where the real ones are no settings.

They are 15 s for a head or a body at the API, and 5 s for a PROXY header. What comes then is the same.
"""

import sys
from typing import Final

from workers.cli import main
from workers.control import limits
from workers.fanout import proxy_door

WAIT_S: Final = 1.0


def be_hasty() -> None:
    """Before any worker is forked."""
    limits.KEEP_ALIVE_S = WAIT_S  # type: ignore[misc]
    limits.REQUEST_S = WAIT_S  # type: ignore[misc]
    proxy_door.PROXY_S = WAIT_S


if __name__ == "__main__":
    be_hasty()
    sys.exit(main(sys.argv[2:]))
