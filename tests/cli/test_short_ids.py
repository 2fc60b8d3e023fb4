"""Short ids of runs: in lists at a terminal, and as arguments."""

import pytest

from mogplex_mcp.cli.terminal.output import PlainConsole
from mogplex_mcp.cli.terminal.short_ids import short_length
from tests.cli.support import Terminal

pytestmark = pytest.mark.anyio

IDS = ["75ce86aa-b59e-5f62-9d77-426c941e3c32", "8f3a2b1c-1234-4abc-9def-1234567890ab"]


@pytest.mark.parametrize(
    ("ids", "length"),
    [
        ([], 8),
        (IDS, 8),
        ([IDS[0], IDS[0]], 8),
        ([IDS[0], IDS[0][:8] + "-c" + IDS[0][10:]], 10),
        ([IDS[0], IDS[0][:-1] + "f"], 36),
        (["", IDS[0]], 8),
        (["abc"], 3),
    ],
)
def test_short_length_tells_all_ids_apart(ids: list[str], length: int) -> None:
    assert short_length(ids) == length


@pytest.mark.parametrize("given", [slice(8), slice(4), slice(13), slice(35)])
async def test_runs_commands_accept_the_beginning_of_an_id(given: slice, terminal: Terminal) -> None:
    run_id = await terminal.started()
    short = run_id[given]
    assert (await terminal("runs", "get", short, "--json")).record["runId"] == run_id
    assert (await terminal("runs", "get", f'"{short.upper()}"', "--json")).record["runId"] == run_id
    assert (await terminal("runs", "events", short, "--json")).code == 0
    assert (await terminal("runs", "cancel", short, "--json")).record["runId"] == run_id
    assert run_id in (await terminal("runs", "events", short, "--follow")).stdout


async def test_runs_get_of_an_ambiguous_beginning_names_the_runs(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = iter([f"75ce86aa-b59e-4f62-9d77-{number:012x}" for number in range(20)])
    monkeypatch.setattr("mogplex_mcp.simulator.routes_runs.new_id", lambda: next(made))
    first, second = await terminal.started("Fix one."), await terminal.started("Fix another.")
    told = await terminal("runs", "cancel", "75ce86aa")
    assert told.code == 2
    assert "2 runs of the journal begin with 75ce86aa: " in told.stderr
    assert first in told.stderr
    assert second in told.stderr
    assert (await terminal("runs", "get", first, "--json")).record["runId"] == first


@pytest.mark.parametrize("word", ["events", "get", "cancel"])
async def test_runs_command_with_an_unknown_beginning_says_where_the_ids_are(word: str, terminal: Terminal) -> None:
    await terminal.started()
    told = await terminal("runs", word, "0bad0bad")
    assert told.code == 2
    assert "No run of the journal on this machine begins with 0bad0bad." in told.stderr
    assert "`mogplex-mcp runs list`" in told.stderr


async def test_runs_list_has_short_ids_at_a_terminal_and_whole_ones_for_programs(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = await terminal.started()
    assert (await terminal("runs", "list")).lines[1].split()[0] == run_id
    monkeypatch.setattr(PlainConsole, "is_terminal", True)
    monkeypatch.setenv("COLUMNS", "100")
    shown = await terminal("runs", "list")
    assert run_id not in shown.stdout
    assert any(line.split()[0] == run_id[:8] for line in shown.lines)
    assert (await terminal("runs", "list", "--json")).record["runId"] == run_id
