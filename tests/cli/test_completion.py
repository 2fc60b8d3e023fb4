"""Completion scripts, loaded into their shells and asked for candidates."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mogplex_mcp.cli.completion import completion_table
from mogplex_mcp.cli.terminal.completion import SHELLS
from mogplex_mcp.installation.clients import CLIENTS
from mogplex_mcp.tools.catalog import TOOLSETS

CASES = [
    ("ru", {"run", "runs"}),
    ("runs ", {"cancel", "events", "get", "list", "watch"}),
    ("runs events --f", {"--follow"}),
    ("--log-level info runs li", {"list"}),
    ("run --harness ", {"codex", "claude-code"}),
    ("run --repo acme/web --harness cl", {"claude-code"}),
    ("runs list --status fa", {"failed"}),
    ("call list_r", {"list_repos", "list_runs"}),
    ("install claude", {"claude-code", "claude-desktop"}),
    ("completion ", {"bash", "zsh", "fish"}),
    ("--toolsets ru", {"runs"}),
    ("--toolsets al", {"all"}),
    ("http --exclude-tools cancel", {"cancel_run"}),
    ("--log-level ", {"debug", "info", "warning", "error"}),
    ("--remember-prompts ", {"true", "false"}),
    ("simulator queue", {"queue-down", "queue-hung"}),
    ("demo --", {"--log-level", "--demo-seconds"}),
]

# Each prints the candidates after the words of its argument, one a line.
BASH = r"""
source "$1"
COMP_WORDS=(mogplex-mcp $2)
[[ "$2" == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_mogplex_mcp
printf '%s\n' "${COMPREPLY[@]}"
"""
# zsh shows candidates on its screen only; these stubs print what the script passes to it.
ZSH = r"""
autoload -Uz compinit && compinit -u -D
source "$1"
_describe() { for one in "${(@P)2}"; do print -r -- "${one%%:*}"; done }
compadd() { shift; print -rl -- "$@" }
words=(mogplex-mcp ${=2})
[[ "$2" == *" " ]] && words+=("")
CURRENT=$#words
_mogplex_mcp
"""
FISH = r"""
source $argv[1]
complete -C "mogplex-mcp $argv[2]" | string split -f 1 \t
"""
ASKED = {"bash": ["bash", "-c", BASH, "bash"], "zsh": ["zsh", "-f", "-c", ZSH, "zsh"], "fish": ["fish", "-c", FISH]}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("typed", "offered"), CASES, ids=[typed for typed, _ in CASES])
def test_script_completes_commands_and_values(shell: str, typed: str, offered: set[str], tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "script"
    script.write_text(SHELLS[shell](completion_table()), encoding="utf-8")
    asked = subprocess.run(
        [*ASKED[shell], str(script), typed],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin:/usr/local/bin", "TERM": "dumb"},
    )
    assert asked.stderr == ""
    last = typed.rpartition(" ")[2]
    assert {word for word in asked.stdout.split() if word.startswith(last)} - {"--help"} == offered


def test_completion_table_has_every_tool_and_client() -> None:
    known = completion_table()
    assert set(known["call"].words) == {tool.name for toolset in TOOLSETS for tool in toolset.tools}
    assert set(known["install"].words) == {client.name for client in CLIENTS}
