"""How many descriptors this process and its workers may have, checked before the first connection needs
one."""

import resource
import sys

from engine.config import Config
from workers.supervisor.limits import DESCRIPTORS_PER_PLAYER, DESCRIPTORS_PER_WORKER, SUPERVISOR_DESCRIPTORS


def raise_limit() -> int:
    """Raise the soft limit to the hard one, for this process and all it forks; what it is now.

    Soft limits are low (1,024) for the sake of programs that use select(2); there is none here.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def needed(config: Config, workers: int) -> int:
    """Descriptors that the fullest process needs: a fanout worker with all its players."""
    return (
        SUPERVISOR_DESCRIPTORS
        + (DESCRIPTORS_PER_WORKER + len(config.srt.ports)) * workers
        + DESCRIPTORS_PER_PLAYER * config.fanout.max_players
        + config.publish.max_streams
    )
