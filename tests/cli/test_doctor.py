"""`doctor` as a real process, in working and in broken environments."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mogplex_mcp.diagnosis import journal
from mogplex_mcp.diagnosis.finding import Status
from mogplex_mcp.simulator import DEMO_READ_ONLY_TOKEN, DEMO_TOKEN
from mogplex_mcp.storage.state_file import StateFile
from tests.cli.login_support import keyring, run, tokens_file
from tests.systems import with_posix
from tests.transports.processes import PROGRAM, environment, simulator
from tests.trust.canaries import CLIENT_KEY, TOKEN, Mirror, assert_without, talkative

if sys.platform != "win32":
    import pty

NOWHERE = "http://127.0.0.1:9"
NAMES = [
    "token",
    "address",
    "proxy",
    "dns",
    "tcp",
    "http",
    "latency",
    "clock",
    "scopes",
    "repositories",
    "hosted tools",
    "budget",
    "journal",
    "tools",
    "waits",
    "clients",
    "versions",
    "release",
]


@pytest.fixture(scope="module")
def mogplex(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with simulator(tmp_path_factory.mktemp("simulator")) as url:
        yield url


def checks(home: Path, *arguments: str, code: int, **more: str) -> dict[str, dict[str, Any]]:
    """Return the checks by name, after comparing the exit status."""
    done = run(home, "doctor", "--offline", "--json", *arguments, **more)
    assert done.code == code, done
    assert "Traceback" not in done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] == (code == 0)
    for one in report["checks"]:
        assert set(one) == {"name", "status", "fact", "advice"}
        assert "an error of mogplex-mcp itself" not in one["fact"], one
        assert one["advice"] or one["status"] != "failed", one
    return {one["name"]: one for one in report["checks"]}


def test_doctor_reports_ok_for_every_check(mogplex: str, tmp_path: Path) -> None:
    found = checks(tmp_path, code=0, MOGPLEX_URL=mogplex, MOGPLEX_API_KEY=DEMO_TOKEN)
    assert list(found) == NAMES
    statuses = {name: one["status"] for name, one in found.items()}
    # Nothing is installed, the simulator sends no date, and the package index was not checked.
    assert statuses == dict.fromkeys(NAMES, "ok") | {"clients": "warning", "clock": "skipped", "release": "skipped"}
    assert found["token"]["fact"] == "mog_…000A, from the environment."
    assert found["scopes"]["fact"] == "It has the scopes read and write."
    assert found["budget"]["fact"].startswith("56 of 60 requests are left")


def test_doctor_warns_of_a_read_only_token(mogplex: str, tmp_path: Path) -> None:
    found = checks(tmp_path, code=0, MOGPLEX_URL=mogplex, MOGPLEX_API_KEY=DEMO_READ_ONLY_TOKEN)
    assert found["scopes"]["status"] == "warning"
    # A sign-in alone would change nothing: the environment comes first.
    assert f"create one with both at {mogplex}/settings/api-keys and set MOGPLEX_API_KEY" in found["scopes"]["advice"]


def test_doctor_reports_a_refused_token_once(mogplex: str, tmp_path: Path) -> None:
    found = checks(tmp_path, code=1, MOGPLEX_URL=mogplex, MOGPLEX_API_KEY=TOKEN)
    assert found["http"]["status"] == "ok"
    assert found["scopes"]["status"] == "failed"
    assert [name for name, one in found.items() if "mogplex-mcp login" in one["advice"]] == ["scopes"]
    assert "and set MOGPLEX_API_KEY to it, or unset it and run `mogplex-mcp login`" in found["scopes"]["advice"]
    for name in ("repositories", "hosted tools", "budget"):
        assert found[name]["status"] == "skipped"
        assert found[name]["fact"] == "Not known: Mogplex rejected the token."


def test_doctor_checks_the_network_without_a_token(mogplex: str, tmp_path: Path) -> None:
    found = checks(tmp_path, code=1, MOGPLEX_URL=mogplex)
    assert found["token"]["status"] == "failed"
    assert found["token"]["advice"] == "Run `mogplex-mcp login`."
    assert found["http"]["status"] == "ok"
    assert found["scopes"]["status"] == "skipped"


def test_doctor_names_the_failing_network_step(tmp_path: Path) -> None:
    found = checks(tmp_path, code=69, MOGPLEX_URL=NOWHERE, MOGPLEX_API_KEY=TOKEN)
    assert found["dns"]["status"] == "ok"
    assert found["tcp"]["status"] == "failed"
    assert "http" not in found
    assert found["scopes"]["fact"] == "Not known: Mogplex is not reachable."


def test_doctor_works_in_demo_without_a_home(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "doctor", "--demo", "--offline", "--json"],
        capture_output=True,
        env=environment(tmp_path, {"HOME": "", "XDG_STATE_HOME": str(tmp_path)}),
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done
    found = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    assert found["scopes"]["status"] == "ok"
    assert "demo.sqlite3" in found["journal"]["fact"]


def test_doctor_reports_an_unwritable_home(mogplex: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("a file, so that not even root can make a folder in it")
    more = {"MOGPLEX_URL": mogplex, "MOGPLEX_API_KEY": DEMO_TOKEN}
    more |= keyring(tmp_path, "broken") | {"MOGPLEX_MCP_STATE_FILE": str(home / "state.sqlite3")}
    found = checks(home, code=1, **more)
    assert found["journal"]["status"] == "failed"
    assert "MOGPLEX_MCP_STATE_FILE" in found["journal"]["advice"]
    assert found["scopes"]["status"] == "ok"
    assert found["budget"]["status"] == "warning"


def test_doctor_reports_a_damaged_journal_before_repair(mogplex: str, tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite3"
    state.write_bytes(b"not a database, " * 100)
    more = {"MOGPLEX_URL": mogplex, "MOGPLEX_API_KEY": DEMO_TOKEN, "MOGPLEX_MCP_STATE_FILE": str(state)}
    found = checks(tmp_path, code=0, **more)
    assert found["journal"]["status"] == "warning"
    assert "is damaged" in found["journal"]["fact"]


def test_doctor_warns_of_a_failing_keyring_next_to_a_token(mogplex: str, tmp_path: Path) -> None:
    file = tokens_file(tmp_path)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({mogplex: DEMO_TOKEN}))
    file.chmod(0o600)
    found = checks(tmp_path, code=0, MOGPLEX_URL=mogplex, **keyring(tmp_path, "locked"))
    assert found["token"]["status"] == "warning"
    assert "The keyring cannot be used: it is locked." in found["token"]["advice"]


def test_doctor_prints_plain_unwrapped_lines_in_a_pipe(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", "--demo", "--offline", COLUMNS="20", FORCE_COLOR="1")
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 13
    assert done.stdout.startswith("No problems")
    assert "✓ token: mog_…000A, from the demo.\n" in done.stdout


def test_doctor_prints_ascii_where_stdout_needs_it(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", "--demo", "--offline", PYTHONIOENCODING="ascii")
    assert done.code == 0
    assert "ok token: mog_?000A, from the demo.\n" in done.stdout


@with_posix
@pytest.mark.parametrize(("more", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_doctor_respects_no_color_and_dumb_terminals(more: dict[str, str], coloured: bool, tmp_path: Path) -> None:
    screen, terminal = pty.openpty()
    running = subprocess.Popen(
        [*PROGRAM, "doctor", "--demo", "--offline"],
        stdout=terminal,
        stderr=terminal,
        env=environment(tmp_path, {"TERM": "xterm-256color", **more}),
    )
    os.close(terminal)
    shown = b""
    # A terminal whose last program is gone cannot be read any more.
    with contextlib.suppress(OSError):
        while part := os.read(screen, 10_000):
            shown += part
    os.close(screen)
    assert running.wait(30) == 0
    assert "from the demo" in shown.decode()
    assert (b"\x1b[32m" in shown) == coloured


def test_doctor_shows_no_secrets(tmp_path: Path) -> None:
    with Mirror() as mirror:
        more = talkative(tmp_path, mirror.url) | {"HTTPS_PROXY": f"http://me:{TOKEN}@127.0.0.1:9"}
        done = run(tmp_path, "doctor", "--offline", **more)
    assert "scopes" in done.stdout
    assert_without(done.stderr + done.stdout, CLIENT_KEY)
    assert TOKEN[-4:] in done.stdout
    assert_without((done.stderr + done.stdout).replace(f"mog_…{TOKEN[-4:]}", ""), TOKEN)


def test_doctor_names_invalid_settings_and_placeholders(mogplex: str, tmp_path: Path) -> None:
    more = {"MOGPLEX_URL": mogplex, "MOGPLEX_API_KEY": DEMO_TOKEN, "MOGPLEX_MCP_READ_ONLY": "maybe"}
    found = checks(tmp_path, code=1, **more)
    assert found["settings"]["status"] == "failed"
    assert "MOGPLEX_MCP_READ_ONLY is invalid" in found["settings"]["fact"]
    more = {"MOGPLEX_URL": mogplex, "MOGPLEX_API_KEY": "${token}", "MOGPLEX_TOKEN": DEMO_TOKEN}
    found = checks(tmp_path, code=0, **more)
    assert found["settings"]["status"] == "warning"
    assert "MOGPLEX_API_KEY contains a placeholder" in found["settings"]["fact"]


def test_doctor_says_what_to_do_in_every_row_that_is_not_ok(mogplex: str, tmp_path: Path) -> None:
    for code, more in ((1, {"MOGPLEX_URL": mogplex}), (69, {"MOGPLEX_URL": NOWHERE, "MOGPLEX_API_KEY": TOKEN})):
        found = checks(tmp_path, code=code, **more)
        assert not [name for name, one in found.items() if one["status"] != "ok" and not one["advice"]]


def test_doctor_counts_problems_and_warnings_in_its_first_line(mogplex: str, tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", "--offline", MOGPLEX_URL=mogplex, MOGPLEX_API_KEY=TOKEN)
    first, *rows = done.stdout.splitlines()
    failed, warned = sum(row.startswith("✗") for row in rows), sum(row.startswith("!") for row in rows)
    assert first == f"{failed} problem{'s' * (failed > 1)}, {warned} warning{'s' * (warned > 1)}."


@with_posix
def test_doctor_begins_all_facts_in_one_column(tmp_path: Path) -> None:
    path = tmp_path / ".gemini/settings.json"
    path.parent.mkdir()
    path.write_text('{"mcpServers": {"mogplex": {"command": "mogplex-mcp"},}}')
    screen, terminal = pty.openpty()
    subprocess.run(
        [*PROGRAM, "doctor", "--demo", "--offline"],
        stdout=terminal,
        env=environment(tmp_path, {"TERM": "dumb", "COLUMNS": "80"}),
        timeout=60,
        check=False,
    )
    shown = os.read(screen, 100_000).decode().splitlines()
    os.close(terminal)
    os.close(screen)
    rows = [line for line in shown[1:] if line[:1] in "✓!✗–"]  # noqa: RUF001 - as shown
    assert rows
    assert {line[24:26].strip() != "" and line[23:25].startswith(" ") for line in rows} == {True}
    assert max(map(len, shown)) <= 80


def test_doctor_warns_of_a_journal_on_a_network_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.sqlite3"
    with contextlib.closing(StateFile(path)) as state:
        state.tenant("a")
    monkeypatch.setattr(journal, "network_file_system", lambda _: "nfs4")
    found = journal._look(path)
    assert found.status is Status.WARNING
    assert "network file system (nfs4)" in found.fact
    assert "MOGPLEX_MCP_STATE_FILE" in found.advice
