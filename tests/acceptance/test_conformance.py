"""The MCP conformance suite, for what any server has to do; `conformance.yml` explains what does not apply here."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.acceptance import environments
from tests.transports.processes import http_server

pytestmark = pytest.mark.acceptance

HERE = Path(__file__).parent
# What must be among the scenarios that pass: a suite that ran nothing would pass, too.
IN_BOTH = {"tools-list", "resources-list", "prompts-list", "dns-rebinding-protection"}
ONLY_IN_2026 = {
    "caching",
    "http-header-validation",
    "sep-2164-resource-not-found",
    "server-sse-multiple-streams",
    "input-required-result-unsupported-methods",
    "input-required-result-validate-input",
}
# There are no sessions over HTTP; in the 2026 protocol there are none anyway, and this scenario passes.
NEEDS_SESSIONS = "  - server-sse-multiple-streams\n"
# Of the scenario `server-stateless`; the others look for tools of the suite's sample server.
STATELESS_CHECKS = 24
SUITE_SECONDS = 180


@pytest.mark.parametrize(
    ("revision", "apply"),
    [("2025-11-25", {"server-initialize", "ping"}), ("2026-07-28", ONLY_IN_2026)],
)
def test_every_scenario_that_applies_passes(tmp_path: Path, revision: str, apply: set[str]) -> None:
    suite = environments.npm("conformance") / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
    expected = tmp_path / "expected.yml"
    explained = (HERE / "conformance.yml").read_text(encoding="utf-8")
    expected.write_text(explained + (NEEDS_SESSIONS if revision < "2026" else ""), encoding="utf-8")
    with http_server(tmp_path, "--demo", "--demo-seconds", "1") as url:
        command: list[Path | str] = [environments.NODE, suite, "server", "--url", url, "--requirements", revision]
        ended = subprocess.run(
            [*command, "--expected-failures", expected],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SUITE_SECONDS,
            check=False,
        )
    assert ended.returncode == 0, ended.stdout[-6_000:] + ended.stderr[-2_000:]
    passed = set(re.findall(r"^✓ (\S+): [1-9]\d* passed, 0 failed", ended.stdout, re.MULTILINE))
    assert passed >= IN_BOTH | apply, ended.stdout[-6_000:]
    if revision == "2026-07-28":
        (checks,) = re.findall(r"server-stateless: (\d+) passed", ended.stdout)
        assert int(checks) >= STATELESS_CHECKS, ended.stdout[-6_000:]
