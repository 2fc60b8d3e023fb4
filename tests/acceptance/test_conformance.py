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
APPLY = {"server-initialize", "ping", "tools-list", "resources-list", "prompts-list"}
SUITE_SECONDS = 180


def test_every_scenario_that_applies_passes(tmp_path: Path) -> None:
    suite = environments.npm("conformance") / "node_modules/@modelcontextprotocol/conformance/dist/index.js"
    with http_server(tmp_path, "--demo", "--demo-seconds", "1") as url:
        command: list[Path | str] = [environments.NODE, suite, "server", "--url", url, "--suite", "all"]
        ended = subprocess.run(
            [*command, "--expected-failures", HERE / "conformance.yml"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=SUITE_SECONDS,
            check=False,
        )
    assert ended.returncode == 0, ended.stdout[-6_000:] + ended.stderr[-2_000:]
    passed = set(re.findall(r"^✓ (\S+): [1-9]\d* passed, 0 failed", ended.stdout, re.MULTILINE))
    assert passed >= APPLY | {"dns-rebinding-protection"}, ended.stdout[-6_000:]
