"""`runs watch`: a line for each change of each run or a table that updates, exit status by the outcomes."""

import io

import anyio
import pytest

from mogplex_mcp.api.models import RunEvent
from mogplex_mcp.cli.terminal.output import Output, PipeConsole
from mogplex_mcp.cli.terminal.runs_view import runs_view
from mogplex_mcp.runs.outcome import Outcome, Phase
from mogplex_mcp.runs.several import RunState, Verdict
from mogplex_mcp.runs.watch import Snapshot
from tests.cli.support import Terminal
from tests.runs.support import OTHER_RUN_ID, RUN_ID, a_run
from tests.virtual_time import EPOCH

pytestmark = pytest.mark.anyio


async def test_watch_follows_runs_to_the_end_of_each_and_exits_by_their_outcomes(terminal: Terminal) -> None:
    first, second = await terminal.started("one"), await terminal.started("two")
    terminal.simulator.world.runs[second].seconds = 120
    watched = await terminal("runs", "watch", first[:8], second)
    assert watched.code == 0
    shown = [line.split()[1:] for line in watched.lines]
    ends = [[run_id, phase] for run_id, _, phase, *_ in shown if phase == "done"]
    assert ends == [[second, "done"], [first, "done"]]
    assert shown[-1][-1].startswith("https://github.com/acme/web/pull/")
    assert len(set(watched.lines)) == len(watched.lines)


async def test_watch_without_ids_watches_the_open_runs_and_fails_if_one_failed(terminal: Terminal) -> None:
    assert (await terminal("runs", "watch")).stderr == "Note: No open runs known on this machine.\n"
    terminal.simulator.plan("failed")
    failed, done = await terminal.started("one"), await terminal.started("two")
    watched = await terminal("runs", "watch", "--json")
    assert watched.code == 1
    last = {record["runId"]: record for record in watched.records}
    assert {run_id: last[run_id]["phase"] for run_id in (failed, done)} == {failed: "failed", done: "done"}
    assert last[failed]["failure"] == "Harness exited with code 1"
    assert last[done]["pullRequest"]


async def test_watch_times_out_and_names_the_runs_that_continue(terminal: Terminal) -> None:
    run_ids = [await terminal.started(prompt) for prompt in ("one", "two")]
    watched = await terminal("runs", "watch", *run_ids, "--timeout", "60")
    assert watched.code == 1
    assert "2 runs not ended; they continue." in watched.stderr
    assert f"runs watch {' '.join(run_ids)}" in watched.stderr


async def test_watch_refuses_wrong_ids_and_more_than_ten(terminal: Terminal) -> None:
    unknown = await terminal("runs", "watch", RUN_ID)
    assert unknown.code == 1
    assert f"{RUN_ID} cannot be followed" in unknown.stderr
    many = await terminal("runs", "watch", *(f"{number:08d}{RUN_ID[8:]}" for number in range(11)))
    assert many.code == 2
    assert "at most 10 can be followed at once" in many.stderr
    assert "must be a Mogplex run id" in (await terminal("runs", "watch", "the last")).stderr


async def test_a_reader_that_leaves_is_no_failure_of_the_operation(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = await terminal.started()

    def leave(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(Output, "line", leave)
    # The program ends quietly by this error, whatever the command.
    with pytest.raises(ExceptionGroup) as caught:
        await terminal("runs", "watch", run_id)
    assert caught.group_contains(BrokenPipeError)
    assert capsys.readouterr().err == ""


async def test_the_end_of_the_process_ends_watching_and_says_that_the_runs_continue(terminal: Terminal) -> None:
    run_id = await terminal.started()
    with anyio.move_on_after(30):
        watched = await terminal("runs", "watch", run_id)
    assert watched.code == 1
    assert f"The runs continue. Watch them again: mogplex-mcp runs watch {run_id}" in watched.stderr


async def test_a_terminal_shows_a_table_whose_texts_are_never_markup() -> None:
    screen = io.StringIO()
    output = Output(as_json=False)
    output.console = PipeConsole(  # type: ignore[assignment] # one with a terminal
        file=screen, force_terminal=True, width=120, highlight=False, markup=False, _environ={"TERM": "xterm"}
    )
    run = a_run("streaming", createdAt="2027-01-15T07:59:00Z")
    snapshot = Snapshot(run, (RunEvent(id="1"),), at=EPOCH, number=1, settled=False)
    pull_request = "https://github.com/acme/web/pull/7"
    states = [
        RunState(RUN_ID, snapshot, Outcome(Phase.WORKING, pull_request), "acme/[red]web"),
        RunState(OTHER_RUN_ID, snapshot, Outcome(Phase.FAILED, failure="[b]no"), "acme/api", Verdict.FAILED),
    ]
    with runs_view(output, lambda: EPOCH) as view:
        await view.look(states)
    view.finish()
    shown = screen.getvalue()
    assert "Ctrl-C stops watching only; the runs continue." in shown
    assert f"{RUN_ID[:8]}  working" in shown
    assert "#7" in shown
    assert f"{OTHER_RUN_ID} failed: [b]no" in shown
    assert "[red]" not in shown
    # The last one is printed, not drawn.
    assert shown.count("PHASE") == 2
