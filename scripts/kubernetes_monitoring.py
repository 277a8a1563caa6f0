#!/usr/bin/env python3
"""Prints alert rules as PrometheusRules and dashboards as ConfigMaps, for `kubectl apply --filename -`.

They are the files of configs/prometheus/rules and configs/grafana/dashboards, put into Kubernetes' envelopes
as they are, comments and all, so that there is no second copy that could fall behind. Needs Python alone.
"""

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

CONFIGS = Path(__file__).resolve().parents[1] / "configs"

RULE = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {name}
  namespace: fanlight
  labels:
    app.kubernetes.io/name: fanlight
spec:
{body}
"""

# The label is what Grafana's sidecar looks for.
DASHBOARD = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
  namespace: fanlight
  labels:
    app.kubernetes.io/name: fanlight
    grafana_dashboard: "1"
data:
  {file}: |
{body}
"""


def manifests(configs: Path = CONFIGS) -> str:
    """All of them, as one text of several documents."""
    return "---\n".join((*_rules(configs), *_dashboards(configs)))


def _rules(configs: Path) -> Iterator[str]:
    for path in sorted((configs / "prometheus" / "rules").glob("*.yml")):
        body = textwrap.indent(path.read_text().rstrip(), "  ")
        yield RULE.format(name=_name("fanlight", path), body=body)


def _dashboards(configs: Path) -> Iterator[str]:
    for path in sorted((configs / "grafana" / "dashboards").glob("*.json")):
        body = textwrap.indent(path.read_text().rstrip(), "    ")
        yield DASHBOARD.format(name=_name("fanlight-dashboard", path), file=path.name, body=body)


def _name(prefix: str, path: Path) -> str:
    """An object's name, which has no underscores."""
    return f"{prefix}-{path.stem.replace('_', '-')}"


if __name__ == "__main__":
    sys.stdout.write(manifests())
