"""The dashboards, one per question that somebody comes with."""

from typing import Final

from monitoring.boards.hls import HLS
from monitoring.boards.hooks import HOOKS
from monitoring.boards.overview import OVERVIEW
from monitoring.boards.performance import PERFORMANCE
from monitoring.boards.promises import PROMISES
from monitoring.boards.srt import SRT
from monitoring.boards.streams import STREAMS
from monitoring.dashboard import Dashboard

DASHBOARDS: Final[tuple[Dashboard, ...]] = (OVERVIEW, STREAMS, SRT, HLS, PERFORMANCE, HOOKS, PROMISES)
