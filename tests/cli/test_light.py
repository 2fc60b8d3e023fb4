"""Imports of terminal commands that send one request: few modules, and no MCP."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.transports.processes import environment, simulator

MOST_MODULES = 700
PROGRAM = """
import json, sys
from mogplex_mcp.__main__ import main
try:
    main()
except SystemExit as ended:
    print(json.dumps([ended.code, sorted(sys.modules)]), file=sys.stderr)
"""


@pytest.mark.parametrize("words", [["repos", "list"], ["runs", "list"], ["sandboxes", "list"]], ids=" ".join)
def test_list_commands_import_no_mcp_and_few_modules(words: list[str], tmp_path: Path) -> None:
    with simulator(tmp_path) as url:
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, *words, "--json"],
            capture_output=True,
            check=True,
            timeout=60,
            env=environment(tmp_path, {"MOGPLEX_URL": url, "MOGPLEX_API_KEY": "mog_DemoReadWrite000000000000000000A"}),
        )
    code, modules = json.loads(ended.stderr.splitlines()[-1])
    assert code == 0
    loaded = {module.partition(".")[0] for module in modules}
    assert not loaded & {"mcp", "mcp_types", "starlette", "uvicorn", "opentelemetry", "jsonschema"}
    assert len(modules) < MOST_MODULES
