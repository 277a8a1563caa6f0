"""The Kubernetes manifests: valid by Kubernetes' own schemas, and right about the engine that they start."""

import json
import tomllib
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import msgspec
import pytest
import yaml

from engine.config import Config, ConfigError, load
from scripts.kubernetes_monitoring import manifests
from tests.deploy.operator_kinds import PrometheusRule, ServiceMonitor
from tests.house.source import ROOT
from workers.supervisor.limits import KILL_PATIENCE_S

FOLDER: Final = ROOT / "configs" / "kubernetes"
CONFIGS: Final = ROOT / "configs"
KUBERNETES: Final = "1.34"
OURS: Final = {"ServiceMonitor": ServiceMonitor, "PrometheusRule": PrometheusRule}
BY_KUSTOMIZE: Final = {"Kustomization"}
CONFIG_MAP_MAX_BYTES: Final = 1024 * 1024
UNITS: Final = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
WORKERS_BYTES: Final = 512 * 2**20  # processes without players: bench.scenarios memory and exposition

Manifest = dict[str, Any]

RULES: Final = """\
# Why this rule is there.
groups:
  - name: engine
    rules:
      - record: job:up:min
        expr: min by (job) (up)
      - alert: Down
        expr: up == 0
        for: 1m
        labels: {severity: critical}
        annotations: {summary: "{{ $labels.instance }} is down"}
"""


def documents(text: str) -> list[Manifest]:
    """All documents of a YAML text."""
    return [document for document in yaml.safe_load_all(text) if document is not None]


MANIFESTS: Final = {
    f"{path.stem}: {document['kind']} {document.get('metadata', {}).get('name', '')}": document
    for path in sorted(FOLDER.glob("*.yaml"))
    for document in documents(path.read_text())
}


def check(document: Manifest) -> None:
    """Raise for what Kubernetes, or the Prometheus Operator, would refuse."""
    if document["kind"] in OURS:
        msgspec.convert(document, OURS[document["kind"]])
    else:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


def bytes_of(quantity: str) -> int:
    return int(quantity[:-2]) * UNITS[quantity[-2:]]


def the(kind: str, name: str = "fanlight") -> Manifest:
    """The manifest of this kind and name."""
    (found,) = (
        document
        for document in MANIFESTS.values()
        if document["kind"] == kind and document["metadata"]["name"] == name
    )
    return found


POD: Final = the("StatefulSet")["spec"]["template"]["spec"]
(ENGINE,) = POD["containers"]
CONFIG: Final = load(
    (FOLDER / "fanlight.toml").read_text(), {"FANLIGHT_METRICS__KEYS": f'{{a = "sha256:{"0" * 64}"}}'}
)


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_keeps_to_its_schema(name: str) -> None:
    if MANIFESTS[name]["kind"] not in BY_KUSTOMIZE:
        check(MANIFESTS[name])


def test_kustomize_brings_every_file() -> None:
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == files
    (generated,) = kustomization["configMapGenerator"]
    assert all((FOLDER / name).exists() for name in generated["files"])
    assert {"name": "config", "configMap": {"name": generated["name"]}} in POD["volumes"]


def test_the_pod_may_do_as_little_as_the_namespace_demands() -> None:
    """Pod Security Standards, restricted."""
    assert the("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert POD["securityContext"]["runAsNonRoot"]
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert ENGINE["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_pod_is_given_the_time_to_drain() -> None:
    (_, pause_s) = ENGINE["lifecycle"]["preStop"]["exec"]["command"]
    needed_s = int(pause_s) + CONFIG.workers.drain_s + KILL_PATIENCE_S
    assert POD["terminationGracePeriodSeconds"] >= needed_s


def test_the_image_is_of_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert ENGINE["image"] == f"{project['name']}:{project['version']}"


def test_ports_probes_and_services_are_the_engines() -> None:
    ports = {port["name"]: port["containerPort"] for port in ENGINE["ports"]}
    kinds = ("rtmp", "http", "srt", "metrics")
    assert ports == {kind: getattr(CONFIG, kind).listen.port for kind in kinds}
    probes = {probe: ENGINE[f"{probe}Probe"]["httpGet"] for probe in ("startup", "readiness", "liveness")}
    assert {probe["port"] for probe in probes.values()} == {"metrics"}
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startup": "/readyz",
        "readiness": "/readyz",
        "liveness": "/healthz",
    }
    public = {port["targetPort"]: port["port"] for port in the("Service")["spec"]["ports"]}
    assert public == {kind: port for kind, port in ports.items() if kind != "metrics"}


def test_kubelet_outlasts_whatever_the_supervisor_mends_by_itself() -> None:
    probe = ENGINE["livenessProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= Config().workers.restart_window_s


def test_metrics_leave_the_pod_for_those_with_the_key_alone() -> None:
    """Without the variable the engine would not even start: an open address, and nobody is asked."""
    (variable,) = (each for each in ENGINE["env"] if each["name"] == "FANLIGHT_METRICS__KEYS")
    secret = variable["valueFrom"]["secretKeyRef"]["name"]
    (endpoint,) = the("ServiceMonitor")["spec"]["endpoints"]
    assert endpoint["authorization"]["credentials"]["name"] == secret
    with pytest.raises(ConfigError, match=r"metrics"):
        load((FOLDER / "fanlight.toml").read_text(), {})


def test_the_monitor_finds_the_service_and_the_service_the_pod() -> None:
    service = the("Service", "fanlight-internal")
    labels = the("StatefulSet")["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == the("Service")["spec"]["selector"] == labels
    assert the("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    spec = the("ServiceMonitor")["spec"]
    assert spec["selector"]["matchLabels"] == service["metadata"]["labels"]
    assert service["metadata"]["labels"][spec["jobLabel"]] == "fanlight"
    assert [endpoint["port"] for endpoint in spec["endpoints"]] == [
        port["name"] for port in service["spec"]["ports"]
    ]


def test_an_engine_keeps_its_name_when_its_pod_comes_back_elsewhere() -> None:
    """Availability is counted by the label `instance`, and a pod's address is another each time."""
    (endpoint,) = the("ServiceMonitor")["spec"]["endpoints"]
    assert endpoint["relabelings"] == [
        {"sourceLabels": ["__meta_kubernetes_pod_name"], "targetLabel": "instance"}
    ]
    assert the("StatefulSet")["kind"] == "StatefulSet"  # whose pods have the same names for good


def test_memory_holds_the_rings_the_segments_and_the_workers() -> None:
    (shared,) = (volume["emptyDir"] for volume in POD["volumes"] if volume["name"] == "shared-memory")
    assert shared["medium"] == "Memory"
    assert bytes_of(shared["sizeLimit"]) > CONFIG.hls.folder_bytes
    rings = CONFIG.publish.max_streams * (CONFIG.ring.bytes + CONFIG.hls.ring_bytes)
    limits = ENGINE["resources"]["limits"]
    assert bytes_of(limits["memory"]) > rings + bytes_of(shared["sizeLimit"]) + WORKERS_BYTES
    assert limits == ENGINE["resources"]["requests"]


def test_rules_and_dashboards_are_put_into_envelopes_as_they_are(tmp_path: Path) -> None:
    write(tmp_path / "prometheus" / "rules" / "slo_alerts.yml", RULES)
    write(
        tmp_path / "grafana" / "dashboards" / "overview.json",
        '{\n  "title": "a \\"quoted\\" one",\n\n  "uid": "x"\n}\n',
    )
    rule, dashboard = documents(manifests(tmp_path))
    check(rule)
    check(dashboard)
    assert rule["metadata"]["name"] == "fanlight-slo-alerts"
    assert rule["spec"] == yaml.safe_load(RULES)
    assert json.loads(dashboard["data"]["overview.json"]) == {"title": 'a "quoted" one', "uid": "x"}


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_the_projects_rules_and_dashboards_fit_into_kubernetes() -> None:
    made = documents(manifests())
    for document in made:
        check(document)
    files = {
        *(CONFIGS / "prometheus" / "rules").glob("*.yml"),
        *(CONFIGS / "grafana" / "dashboards").glob("*.json"),
    }
    assert len({document["metadata"]["name"] for document in made}) == len(made) == len(files)
    sizes = (len(text) for document in made for text in document.get("data", {}).values())
    assert max(sizes, default=0) < CONFIG_MAP_MAX_BYTES


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("StatefulSet", ("spec", "replicas"), "one"),
        ("StatefulSet", ("spec", "template", "spec", "containers", 0, "livenesProbe"), {}),
        ("ServiceMonitor", ("spec", "endpoints", 0, "intervall"), "15s"),
        ("ServiceMonitor", ("spec", "endpoints", 0, "interval"), "15 seconds"),
        ("ServiceMonitor", ("spec", "endpoints", 0, "relabelings", 0, "targetLable"), "instance"),
    ],
)
def test_a_slip_in_a_manifest_is_noticed(kind: str, path: tuple[Any, ...], value: object) -> None:
    document = json.loads(json.dumps(the(kind)))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises((kubernetes_validate.ValidationError, msgspec.ValidationError)):
        check(document)
