"""Client checks of `doctor`: entries are started as the client starts them, and always terminated afterwards."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.diagnosis import installed_clients
from mogplex_mcp.diagnosis.finding import Finding, Status, Subject, run_check
from mogplex_mcp.diagnosis.installed_clients import check_entries, check_waits
from mogplex_mcp.installation import machine
from mogplex_mcp.simulator import DEMO_TOKEN
from mogplex_mcp.tenants.call_timeouts import SHORTEST_CAP_SECONDS
from mogplex_mcp.tenants.services import Services
from tests.transports.processes import simulator
from tests.trust.canaries import TOKEN, assert_without

pytestmark = pytest.mark.anyio


def subject(home: Path, **more: Any) -> Subject:
    settings = Settings(home=home, **more)
    return Subject(settings, Services(settings), FoundToken(None, "nowhere"))


def cursor(home: Path, command: str, *args: str, env: dict[str, str] | None = None, folder: str = "") -> None:
    """Put an entry into a configuration of Cursor."""
    path = home / folder / ".cursor" / "mcp.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    entry = {"command": command, "args": list(args), "env": env or {}}
    path.write_text(json.dumps({"mcpServers": {"mogplex": entry}}))


def program(folder: Path, body: str) -> str:
    """A program that calls itself this server."""
    if sys.platform == "win32":
        pytest.skip("scripts of POSIX")
    path = folder / "mogplex-mcp"
    path.write_text(f"#!{sys.executable}\nimport os, pathlib, sys, time, signal\nHERE = {str(folder)!r}\n{body}")
    path.chmod(0o755)
    return str(path)


async def only(home: Path) -> Finding:
    (found,) = await check_entries(subject(home))
    return found


def is_gone(folder: Path) -> bool:
    try:
        os.kill(int((folder / "pid").read_text()), 0)
    except ProcessLookupError:
        return True
    return False


WRITE_PID = "pathlib.Path(HERE, 'pid').write_text(str(os.getpid()))\n"


async def test_check_entries_without_entry_warns_with_install_command(tmp_path: Path) -> None:
    found = await only(tmp_path)
    assert found.status is Status.WARNING
    assert "mogplex-mcp install" in found.advice


async def test_check_entries_reports_the_number_of_tools(tmp_path: Path) -> None:
    cursor(tmp_path, sys.executable, "-m", "mogplex_mcp", "--toolsets", "repos", env={"MOGPLEX_API_KEY": TOKEN})
    found = await only(tmp_path)
    assert (found.name, found.status) == ("client cursor", Status.OK)
    assert "1 tool after" in found.fact
    assert "MOGPLEX_API_KEY" in found.advice
    assert_without(found.fact + found.advice, TOKEN)


async def test_check_entries_reports_the_last_output_of_an_exited_entry_redacted(tmp_path: Path) -> None:
    cursor(tmp_path, program(tmp_path, f"{WRITE_PID}sys.exit('No way: ' + {TOKEN!r})\n"))
    found = await only(tmp_path)
    assert found.status is Status.FAILED
    assert "exited before it listed its tools" in found.fact
    assert "No way: [secret removed]" in found.fact
    assert "mogplex-mcp install cursor" in found.advice
    assert is_gone(tmp_path)


@pytest.mark.parametrize(
    "body",
    [
        "time.sleep(600)\n",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(1)\n",
        "while True: print('garbage ' * 100, flush=True); time.sleep(0.05)\n",
    ],
    ids=["silent", "stubborn", "garbage"],
)
async def test_check_entries_kills_an_entry_that_does_not_respond(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed_clients, "START_SECONDS", 2.0)
    cursor(tmp_path, program(tmp_path, WRITE_PID + body))
    found = await only(tmp_path)
    assert found.status is Status.FAILED
    assert "did not list its tools within 2 seconds" in found.fact
    assert is_gone(tmp_path)


async def test_check_entries_reports_a_missing_command(tmp_path: Path) -> None:
    cursor(tmp_path, str(tmp_path / "gone" / "mogplex-mcp"))
    found = await only(tmp_path)
    assert found.status is Status.FAILED
    assert found.fact.endswith("does not exist any more.")
    assert found.advice == "Run `mogplex-mcp install cursor` to rewrite it."


async def test_check_entries_does_not_start_project_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    cursor(tmp_path, program(tmp_path, WRITE_PID), folder="project")
    monkeypatch.chdir(project)
    found = await only(tmp_path)
    assert (found.name, found.status) == ("client cursor (project)", Status.SKIPPED)
    assert not (tmp_path / "pid").exists()


async def test_check_entries_reports_an_unreadable_configuration(tmp_path: Path) -> None:
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".cursor" / "mcp.json").write_text("{")
    found = await only(tmp_path)
    assert found.status is Status.FAILED
    assert "mcp.json" in found.fact


async def test_check_waits_shows_known_and_learnt_timeouts(tmp_path: Path) -> None:
    one = subject(tmp_path, state_file=tmp_path / "state.sqlite3")
    one.services.learnt.gave_up("mcp\x1b[31m/1.2", 5.0)
    (found,) = await check_waits(one)
    assert "100 s in claude-code" in found.fact
    assert f"{max(SHORTEST_CAP_SECONDS, 4.0):.0f} s in mcp/1.2 (learnt)" in found.fact
    assert "MOGPLEX_MCP_MAX_WAIT" in found.advice
    (found,) = await check_waits(subject(tmp_path, max_wait=30.0))
    assert found.fact.startswith("30 s in every client")
    await one.services.aclose()


async def test_run_check_reports_its_own_failure_without_secrets(tmp_path: Path) -> None:
    async def wrong(_: Subject) -> list[Finding]:
        raise KeyError(TOKEN)

    (found,) = await run_check("odd", wrong, subject(tmp_path), 5)
    assert found.status is Status.WARNING
    assert "(KeyError): a bug in mogplex-mcp" in found.fact
    assert_without(found.fact + found.advice, TOKEN)


@pytest.fixture(scope="module")
def mogplex(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with simulator(tmp_path_factory.mktemp("simulator")) as url:
        yield url


def entry_for_mogplex(home: Path, url: str, **more: str) -> None:
    cursor(home, sys.executable, "-m", "mogplex_mcp", env={"MOGPLEX_URL": url, **more})


async def test_check_entries_asks_the_entry_for_its_connection(mogplex: str, tmp_path: Path) -> None:
    entry_for_mogplex(tmp_path, mogplex, MOGPLEX_API_KEY=DEMO_TOKEN)
    found = await only(tmp_path)
    assert found.status is Status.OK
    assert found.fact.endswith(" s, connected.")


@pytest.mark.parametrize(
    ("token", "reason"),
    [(TOKEN, "Not connected to Mogplex"), ("hunter2-hunter2", "Not connected to Mogplex"), ("<your token>", "No")],
)
async def test_check_entries_fails_for_an_entry_whose_own_token_does_not_work(
    token: str, reason: str, mogplex: str, tmp_path: Path
) -> None:
    entry_for_mogplex(tmp_path, mogplex, MOGPLEX_API_KEY=token)
    found = await only(tmp_path)
    assert found.status is Status.FAILED
    assert reason in found.fact
    assert "MOGPLEX_API_KEY" in found.advice
    assert "`mogplex-mcp install cursor --drop-token` takes it out" in found.advice
    assert_without(found.fact + found.advice, TOKEN, "hunter2-hunter2")


async def test_check_entries_looks_with_the_environment_that_a_client_gives(
    mogplex: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOGPLEX_API_KEY", DEMO_TOKEN)  # of the shell, which the client does not pass on
    entry_for_mogplex(tmp_path, mogplex)
    found = await only(tmp_path)
    assert found.status is Status.FAILED
    assert "mogplex-mcp login" in found.advice


@pytest.mark.parametrize("variables", [{"MOGPLEX_MCP_READ_ONLY": "maybe"}, {"MOGPLEX_MCP_TOOLSETS": "run"}])
async def test_check_entries_reports_settings_with_which_an_entry_runs_no_tool(
    variables: dict[str, str], mogplex: str, tmp_path: Path
) -> None:
    entry_for_mogplex(tmp_path, mogplex, MOGPLEX_API_KEY=DEMO_TOKEN, **variables)
    found = await only(tmp_path)
    assert found.status is Status.FAILED
    assert "invalid" in found.fact


async def test_check_entries_warns_of_placeholders(mogplex: str, tmp_path: Path) -> None:
    entry_for_mogplex(tmp_path, mogplex, MOGPLEX_API_KEY=DEMO_TOKEN, MOGPLEX_MCP_READ_ONLY="{{read_only}}")
    found = await only(tmp_path)
    assert found.status is Status.WARNING
    assert "MOGPLEX_MCP_READ_ONLY contains a placeholder" in found.fact


async def test_check_entries_fails_for_a_file_that_its_client_cannot_read(tmp_path: Path) -> None:
    path = tmp_path / ".gemini/settings.json"
    path.parent.mkdir()
    path.write_text('{"mcpServers": {"mogplex": {"command": "mogplex-mcp"},\n}}')
    found = await only(tmp_path)
    assert (found.name, found.status) == ("client gemini", Status.FAILED)
    assert "Gemini CLI cannot read this file: line 1 has a trailing comma" in found.fact
    assert "mogplex-mcp install gemini" in found.advice


@pytest.mark.parametrize(
    ("file", "status", "advice"),
    [
        (".config/Claude/claude_desktop_config.json", Status.FAILED, "Quit Claude Desktop, which writes the file"),
        (".cursor/mcp.json", Status.WARNING, "run `mogplex-mcp install cursor`; else delete the backups"),
    ],
)
async def test_check_entries_reports_an_entry_that_was_written_and_is_gone(
    file: str, status: Status, advice: str, tmp_path: Path
) -> None:
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    path.with_name(f"{path.name}.backup-20261122-134005").write_text("{}")
    found = await only(tmp_path)
    assert found.status is status
    assert "was installed, but the entry is gone from" in found.fact
    assert advice in found.advice


async def test_check_entries_shows_no_value_of_an_entry_that_its_program_prints(tmp_path: Path) -> None:
    script = program(tmp_path, "sys.exit('No way: ' + os.environ['TEAM'])\n")
    cursor(tmp_path, script, env={"TEAM": "correct-horse"})
    found = await only(tmp_path)
    assert "No way: [secret removed]" in found.fact


async def test_check_entries_passes_on_what_codex_passes_on(tmp_path: Path) -> None:
    body = "pathlib.Path(HERE, 'seen').write_text(repr(sorted(os.environ)))\n"
    path = tmp_path / ".codex/config.toml"
    path.parent.mkdir()
    script = program(tmp_path, body)
    path.write_text(f'[mcp_servers.mogplex]\ncommand = "{script}"\nenv_vars = ["HTTPS_PROXY", "SECRET"]\n')
    shell = {"HTTPS_PROXY": "http://me:pw@proxy.example", "NO_PROXY": "*"}
    await check_entries(subject(tmp_path, forwarded=shell))
    seen = (tmp_path / "seen").read_text()
    assert "HTTPS_PROXY" in seen
    assert "NO_PROXY" not in seen


async def test_check_entries_says_in_wsl_that_clients_of_windows_were_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = tmp_path / "version"
    kernel.write_text("Linux version 6.6.87.2-Microsoft-standard-WSL2")
    monkeypatch.setattr(machine, "_KERNEL", kernel)
    found = await check_entries(subject(tmp_path))
    assert (found[-1].name, found[-1].status) == ("clients", Status.SKIPPED)
    assert "PowerShell" in found[-1].advice
