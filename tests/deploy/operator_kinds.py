"""Kinds of the Prometheus Operator (monitoring.coreos.com/v1), as far as we use them.

Their definitions come with the operator and are in no package; an unknown or missing field is an error here
as it is there. https://prometheus-operator.dev/docs/api-reference/api/
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Name = Annotated[str, Meta(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")]
Duration = Annotated[
    str, Meta(pattern=r"^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?)$")
]
Text = Annotated[str, Meta(min_length=1)]


class Kind(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """What all of these have in common: nothing may stand there that is not known."""


class Metadata(Kind, frozen=True, kw_only=True):
    """metadata."""

    name: Name
    namespace: Name | None = None
    labels: dict[str, str] = {}


class Selector(Kind, frozen=True, kw_only=True):
    """spec.selector: the Services whose endpoints are scraped."""

    match_labels: dict[str, str]


class SecretKey(Kind, frozen=True, kw_only=True):
    """A key of a Secret in the same namespace."""

    name: Name
    key: Text


class Authorization(Kind, frozen=True, kw_only=True):
    """What Prometheus shows: the Authorization field."""

    type: Literal["Bearer"]
    credentials: SecretKey


class Relabeling(Kind, frozen=True, kw_only=True):
    """What a target is called: the value of these labels becomes that one's (action `replace`)."""

    source_labels: Annotated[list[Text], Meta(min_length=1)]
    target_label: Annotated[str, Meta(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]


class Endpoint(Kind, frozen=True, kw_only=True):
    """A port of the Service, by name."""

    port: Text
    path: Annotated[str, Meta(pattern="^/")]
    interval: Duration
    scrape_timeout: Duration
    authorization: Authorization
    relabelings: list[Relabeling] = []


class ServiceMonitorSpec(Kind, frozen=True, kw_only=True):
    """spec of a ServiceMonitor."""

    job_label: str
    selector: Selector
    endpoints: Annotated[list[Endpoint], Meta(min_length=1)]
    sample_limit: Annotated[int, Meta(ge=1)]


class ServiceMonitor(Kind, frozen=True, kw_only=True):
    """Services to scrape."""

    api_version: Literal["monitoring.coreos.com/v1"]
    kind: Literal["ServiceMonitor"]
    metadata: Metadata
    spec: ServiceMonitorSpec


class Rule(Kind, frozen=True, kw_only=True, rename={"for_": "for"}):
    """One rule: it records or it alerts."""

    expr: Text
    record: str | None = None
    alert: str | None = None
    for_: Duration | None = None
    keep_firing_for: Duration | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}

    def __post_init__(self) -> None:
        if (self.record is None) == (self.alert is None):
            raise ValueError("a rule records or alerts")


class Group(Kind, frozen=True, kw_only=True):
    """Rules that are evaluated one after the other."""

    name: Text
    interval: Duration | None = None
    limit: int | None = None
    rules: Annotated[list[Rule], Meta(min_length=1)]


class PrometheusRuleSpec(Kind, frozen=True, kw_only=True):
    """spec of a PrometheusRule."""

    groups: Annotated[list[Group], Meta(min_length=1)]


class PrometheusRule(Kind, frozen=True, kw_only=True):
    """A file of rules."""

    api_version: Literal["monitoring.coreos.com/v1"]
    kind: Literal["PrometheusRule"]
    metadata: Metadata
    spec: PrometheusRuleSpec
