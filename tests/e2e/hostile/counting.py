"""What the engine says it has counted since a story began."""

from tests.e2e.engine_process import RunningEngine
from tests.e2e.figures import Figures, wait_for_figures


def counted(before: Figures, engine: RunningEngine, figure: str, reason: str, count: int) -> bool:
    """Whether it was so often since then. What ends is counted a moment after its peer knows."""
    wanted = before.sum(figure, reason=reason) + count
    now = wait_for_figures(engine, lambda now: now.sum(figure, reason=reason) == wanted)
    return now.sum(figure, reason=reason) == wanted
