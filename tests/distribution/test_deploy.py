"""The files in `deploy/`: valid by the schemas of their programs, and made of options that the server has."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distribution.project import ROOT
from ruamel.yaml import YAML

from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.config.settings import Settings

DEPLOY = ROOT / "deploy"
KUBERNETES = "1.31"
IMAGE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def tool(name: str) -> str:
    """The path of a program that comes as a Python package; skip the test where the package has none for the system."""
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{name} is not installed: its package has no wheel for this system")
    return found


def check(*command: str | Path, **variables: str) -> None:
    ended = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=120, check=False, env=variables or None
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def documents(name: str) -> list[Any]:
    return list(YAML(typ="safe", pure=True).load_all(DEPLOY / name))


def replicas() -> list[dict[str, str]]:
    """The environment of each replica."""
    (compose,) = documents("compose.yaml")
    of_compose = [compose["services"][name]["environment"] for name in ("replica-1", "replica-2")]
    (pod,) = (one["spec"]["template"]["spec"] for one in documents("kubernetes.yaml") if one["kind"] == "Deployment")
    return [*of_compose, {one["name"]: one.get("value", "secret") for one in pod["containers"][0]["env"]}]


def nested(value: Any) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield str(key), inner
        if isinstance(inner, dict | list):
            yield from nested(inner)


def test_compose_file_is_valid() -> None:
    check(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose.yaml")


def test_kubernetes_objects_are_valid() -> None:
    check(tool("kubernetes-validate"), "--strict", "--version", KUBERNETES, DEPLOY / "kubernetes.yaml")


def test_caddyfile_is_valid_and_formatted() -> None:
    caddy = tool("caddy")
    check(caddy, "validate", "--adapter", "caddyfile", "--config", DEPLOY / "Caddyfile", HOME="/nonexistent")
    check(caddy, "fmt", "--diff", DEPLOY / "Caddyfile")


def test_replicas_set_only_variables_that_are_read() -> None:
    known = {name for option in OPTIONS for name in option.environment}
    for variables in replicas():
        ours = {name: value for name, value in variables.items() if name.startswith("MOGPLEX")}
        assert ours.keys() <= known
        assert ours.keys() ^ variables.keys() == {"PGPASSWORD"}
        settings = Settings.load(ours)
        assert settings.database_url
        assert settings.drain_seconds
        assert settings.metrics_port


def test_replicas_end_before_they_are_killed() -> None:
    graceful = 5.0
    (compose,) = documents("compose.yaml")
    (pod,) = (one["spec"]["template"]["spec"] for one in documents("kubernetes.yaml") if one["kind"] == "Deployment")
    allowed = [
        *(float(compose["services"][name]["stop_grace_period"].rstrip("s")) for name in ("replica-1", "replica-2")),
        float(pod["terminationGracePeriodSeconds"]),
    ]
    for seconds, variables in zip(allowed, replicas(), strict=True):
        assert float(variables["MOGPLEX_MCP_DRAIN_SECONDS"]) + graceful < seconds


def test_image_installs_what_the_replicas_need() -> None:
    assert "pip install --no-cache-dir '.[postgres,metrics]'" in IMAGE
    assert "MOGPLEX_MCP_METRICS_HOST=0.0.0.0" in IMAGE


def test_ports_and_probes_are_those_of_the_server() -> None:
    port = re.search(r"EXPOSE (\d+)", IMAGE)
    assert port
    (pod,) = (one["spec"]["template"]["spec"] for one in documents("kubernetes.yaml") if one["kind"] == "Deployment")
    (container,) = pod["containers"]
    named = {one["name"]: str(one["containerPort"]) for one in container["ports"]}
    assert named == {"mcp": port.group(1), "metrics": replicas()[-1]["MOGPLEX_MCP_METRICS_PORT"]}
    probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
    assert [probe["path"] for probe in probes] == ["/healthz", "/healthz", "/readyz"]
    assert all(probe["httpHeaders"] == [{"name": "Host", "value": "localhost"}] for probe in probes)
    caddyfile = (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
    assert f"replica-1:{port.group(1)} replica-2:{port.group(1)}" in caddyfile
    assert "health_uri /readyz" in caddyfile


@pytest.mark.parametrize("name", ["compose.yaml", "kubernetes.yaml"])
def test_no_password_is_in_a_file(name: str) -> None:
    for document in documents(name):
        for key, value in nested(document):
            if "PASSWORD" in key:
                assert str(value).startswith("${POSTGRES_PASSWORD:?")
            elif isinstance(value, str) and value.startswith("postgresql://"):
                assert re.fullmatch(r"postgresql://mogplex@[\w.]+/mogplex(\?sslmode=require)?", value)
