"""Every file that this package writes, by its path below the project's folder."""

from engine.metrics import CATALOGUE
from monitoring.boards import DASHBOARDS
from monitoring.dashboard import dashboard_text
from monitoring.quantiles import quantile_rules
from monitoring.sources import RESERVED, SOURCES, names_page


def files() -> dict[str, str]:
    """Paths with the text that belongs there."""
    boards = {
        f"configs/grafana/dashboards/{dashboard.name}.json": dashboard_text(dashboard)
        for dashboard in DASHBOARDS
    }
    return {
        "configs/prometheus/rules/quantiles.yml": quantile_rules(),
        "docs/metrics-names.md": names_page(SOURCES, RESERVED, CATALOGUE),
        **boards,
    }
