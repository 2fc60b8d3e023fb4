"""Entries in clients are started as the client starts them, and gone when the diagnosis is over, whatever they do."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.credentials.sources import FoundToken
from mogplex_mcp.diagnosis import installed_clients
from mogplex_mcp.diagnosis.finding import Finding, Status, Subject, run_check
from mogplex_mcp.diagnosis.installed_clients import check_entries, check_waits
from mogplex_mcp.tenants.call_timeouts import SHORTEST_CAP_SECONDS
from mogplex_mcp.tenants.services import Services
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


async def test_no_entry_is_a_warning_that_says_how_to_get_one(tmp_path: Path) -> None:
    found = await only(tmp_path)
    assert found.status is Status.WARNING
    assert "mogplex-mcp install" in found.advice


async def test_an_entry_that_works_is_told_with_the_number_of_its_tools(tmp_path: Path) -> None:
    cursor(tmp_path, sys.executable, "-m", "mogplex_mcp", "--toolsets", "repos", env={"MOGPLEX_API_KEY": TOKEN})
    found = await only(tmp_path)
    assert (found.name, found.status) == ("client cursor", Status.OK)
    assert "1 tool after" in found.fact
    assert "MOGPLEX_API_KEY" in found.advice
    assert_without(found.fact + found.advice, TOKEN)


async def test_an_entry_that_ends_at_once_is_told_with_its_last_words_but_no_secret(tmp_path: Path) -> None:
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
async def test_an_entry_that_never_answers_is_given_up_and_killed(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installed_clients, "START_SECONDS", 2.0)
    cursor(tmp_path, program(tmp_path, WRITE_PID + body))
    found = await only(tmp_path)
    assert found.status is Status.FAILED
    assert "did not list its tools within 2 seconds" in found.fact
    assert is_gone(tmp_path)


async def test_a_command_that_is_gone_is_told_and_nothing_is_started(tmp_path: Path) -> None:
    cursor(tmp_path, str(tmp_path / "gone" / "mogplex-mcp"))
    found = await only(tmp_path)
    assert found.status is Status.FAILED
    assert found.fact.endswith("does not exist any more.")
    assert found.advice == "Run `mogplex-mcp install cursor` to rewrite it."


async def test_what_a_project_wants_to_start_is_not_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    cursor(tmp_path, program(tmp_path, WRITE_PID), folder="project")
    monkeypatch.chdir(project)
    found = await only(tmp_path)
    assert (found.name, found.status) == ("client cursor (project)", Status.SKIPPED)
    assert not (tmp_path / "pid").exists()


async def test_a_configuration_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".cursor" / "mcp.json").write_text("{")
    found = await only(tmp_path)
    assert found.status is Status.FAILED
    assert "mcp.json" in found.fact


async def test_the_waits_are_those_of_the_table_and_what_was_learnt(tmp_path: Path) -> None:
    one = subject(tmp_path, state_file=tmp_path / "state.sqlite3")
    one.bridge.learnt.gave_up("mcp\x1b[31m/1.2", 5.0)
    (found,) = await check_waits(one)
    assert "100 s in claude-code" in found.fact
    assert f"{max(SHORTEST_CAP_SECONDS, 4.0):.0f} s in mcp/1.2 (learnt)" in found.fact
    assert "MOGPLEX_MCP_MAX_WAIT" in found.advice
    (found,) = await check_waits(subject(tmp_path, max_wait=30.0))
    assert found.fact.startswith("30 s in every client")
    await one.bridge.aclose()


async def test_a_check_that_is_wrong_itself_says_so_and_tells_nothing_of_what_it_held(tmp_path: Path) -> None:
    async def wrong(_: Subject) -> list[Finding]:
        raise KeyError(TOKEN)

    (found,) = await run_check("odd", wrong, subject(tmp_path), 5)
    assert found.status is Status.WARNING
    assert "(KeyError): a bug in mogplex-mcp" in found.fact
    assert_without(found.fact + found.advice, TOKEN)
