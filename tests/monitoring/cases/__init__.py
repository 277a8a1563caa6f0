"""A case for each alert, or several."""

from typing import Final

from tests.monitoring.cases.case import Case
from tests.monitoring.cases.engine import ENGINE
from tests.monitoring.cases.hooks import HOOKS
from tests.monitoring.cases.media import MEDIA
from tests.monitoring.cases.promises import PROMISES

CASES: Final[tuple[Case, ...]] = (*ENGINE, *MEDIA, *HOOKS, *PROMISES)
