"""What becomes of calls that are going on when the process is told to end: an answer, whichever way they went."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from tests.transports.processes import PROGRAM, environment, lines, process
from tests.transports.shutdown_support import MODERN, NEVER, SIGNALS, Mogplex, mogplex, slow, text_of
from tests.transports.talking import INITIALIZE, QUICKLY, START, Talk, request, talking, tool

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.usefixtures("stdio"),
    pytest.mark.skipif(sys.platform == "win32", reason="streams and signals of POSIX"),
]

ENDS = (*SIGNALS, "closed stdin")


async def in_thread(story: Callable[[], None]) -> None:
    await anyio.to_thread.run_sync(story)


def told_to(end: str, talk: Talk) -> None:
    if end == "closed stdin":
        lines(talk.running.stdin).close()
    else:
        talk.running.send_signal(signal.Signals[end])


def begin_start(talk: Talk, service: Mogplex) -> None:
    """Ask for a start, and come back when Mogplex has taken it and not yet answered."""
    talk.say(tool(2, "start_run", **START))
    while not service.started:
        assert talk.running.poll() is None


def begin_sandbox(talk: Talk, service: Mogplex) -> None:
    """Ask for a sandbox, and come back when Mogplex has taken the request and not yet answered."""
    before = len(service.simulator.world.sandboxes)
    talk.say(tool(3, "create_sandbox", repo="acme/web"))
    while len(service.simulator.world.sandboxes) == before:
        assert talk.running.poll() is None


def begin_end(end: str, talk: Talk, service: Mogplex) -> None:
    """Tell it to end, and come back when it has begun to: a call that waits is answered then."""
    talk.say(tool(3, "tail_run", run_id=next(iter(service.started))) + request(4, "ping"))
    talk.hear(4)
    told_to(end, talk)
    talk.hear(3)


def assert_ended(end: str, talk: Talk) -> None:
    assert talk.running.wait(QUICKLY) == (0 if end == "closed stdin" else 128 + signal.Signals[end])
    assert lines(talk.running.stderr).read() == ""


@pytest.mark.parametrize("end", ENDS)
async def test_shutdown_waits_for_a_start_that_is_nearly_done(end: str, tmp_path: Path) -> None:
    async with mogplex(slow(1)) as service:

        def story() -> None:
            with talking(tmp_path, **service.settings) as talk:
                begin_start(talk, service)
                told_to(end, talk)
                assert {talk.hear(2)["result"]["structuredContent"]["run_id"]} == service.started
                assert_ended(end, talk)

        await in_thread(story)


@pytest.mark.parametrize("end", ENDS)
async def test_start_cut_off_by_shutdown_is_unknown_and_found_again(end: str, tmp_path: Path) -> None:
    async with mogplex(slow(NEVER)) as service:

        def interrupted() -> None:
            with talking(tmp_path, **service.settings) as talk:
                begin_start(talk, service)
                told_to(end, talk)
                answer = talk.hear(2)
                assert answer["result"]["isError"]
                assert "It is not known whether it took effect" in text_of(answer)
                assert "Calling start_run again with the same arguments is safe" in text_of(answer)
                assert_ended(end, talk)

        def again() -> None:
            with talking(tmp_path, **service.settings) as talk:
                talk.say(tool(2, "start_run", **START))
                found = talk.hear(2)["result"]["structuredContent"]
                assert found["replayed"]
                assert {found["run_id"]} == service.started

        await in_thread(interrupted)
        await in_thread(again)
        assert len(service.started) == 1


async def test_shutdown_error_of_a_non_idempotent_call_does_not_advise_repeating(tmp_path: Path) -> None:
    async with mogplex(slow(NEVER, "/sandboxes")) as service:

        def story() -> None:
            with talking(tmp_path, **service.settings) as talk:
                talk.say(tool(2, "list_repos"))
                talk.hear(2)
                begin_sandbox(talk, service)
                told_to("SIGTERM", talk)
                assert "Look before doing it again" in text_of(talk.hear(3))
                assert_ended("SIGTERM", talk)

        await in_thread(story)


@pytest.mark.parametrize("end", ENDS)
def test_shutdown_ends_a_wait_with_the_known_state_and_next_step(end: str, tmp_path: Path) -> None:
    # Long enough that a busy machine does not find the run at its end.
    with talking(tmp_path, "--demo", "--demo-seconds", "600") as talk:
        talk.say(tool(2, "start_run", **START))
        talk.hear(2)
        talk.say(request(3, "tools/call", name="tail_run", arguments={}, _meta={"progressToken": "p"}))
        assert talk.hear(0)["method"] == "notifications/progress"
        told_to(end, talk)
        answer = talk.hear(3)
        assert not answer["result"].get("isError")
        assert answer["result"]["structuredContent"]["cursor"]
        assert "Nothing is lost" in text_of(answer)
        assert_ended(end, talk)


@pytest.mark.parametrize("end", ENDS)
def test_shutdown_ends_a_subscription_with_a_result(end: str, tmp_path: Path) -> None:
    with process(tmp_path, "--demo") as running:
        talk = Talk(running)
        talk.say(request(1, "subscriptions/listen", notifications={}, _meta=MODERN))
        assert talk.hear(0)["method"] == "notifications/subscriptions/acknowledged"
        told_to(end, talk)
        assert "result" in talk.hear(1)
        assert_ended(end, talk)


@pytest.mark.parametrize("end", ENDS)
async def test_shutdown_during_elicitation_executes_nothing(end: str, tmp_path: Path) -> None:
    asks = INITIALIZE.replace('"capabilities": {}', '"capabilities": {"elicitation": {}}')
    arguments = {"repo": "acme/api", "key": "MODE", "value": "fast"}
    async with mogplex() as service:
        service.simulator.world.env_vars_available = True

        def story() -> None:
            with process(tmp_path, "--toolsets", "all", more=service.settings) as running:
                talk = Talk(running)
                talk.say(asks + request(2, "tools/call", name="set_env_var", arguments=arguments))
                talk.hear(1)
                assert talk.hear_next()["method"] == "elicitation/create"
                told_to(end, talk)
                assert "the user did not answer" in text_of(talk.hear(2))
                assert_ended(end, talk)

        await in_thread(story)


async def test_requests_after_the_signal_are_not_started(tmp_path: Path) -> None:
    async with mogplex(slow(NEVER)) as service:

        def story() -> None:
            with talking(tmp_path, **service.settings) as talk:
                begin_start(talk, service)
                begin_end("SIGTERM", talk, service)
                talk.say(tool(5, "start_run", repo="acme/web", prompt="Another."))
                talk.hear(2)
                assert lines(talk.running.stdout).read() == ""
                assert_ended("SIGTERM", talk)

        await in_thread(story)
        assert len(service.started) == 1


@pytest.mark.parametrize("second", SIGNALS)
async def test_second_signal_ends_the_process_at_once_and_the_start_is_found_again(second: str, tmp_path: Path) -> None:
    async with mogplex(slow(NEVER)) as service:

        def interrupted() -> None:
            with talking(tmp_path, **service.settings) as talk:
                begin_start(talk, service)
                begin_end("SIGINT", talk, service)
                told_to(second, talk)
                assert talk.running.wait(QUICKLY) == -signal.Signals[second]
                assert lines(talk.running.stdout).read() == ""
                assert lines(talk.running.stderr).read() == ""

        def again() -> None:
            with talking(tmp_path, **service.settings) as talk:
                talk.say(tool(2, "start_run", **START))
                assert {talk.hear(2)["result"]["structuredContent"]["run_id"]} == service.started

        await in_thread(interrupted)
        await in_thread(again)
        assert len(service.started) == 1


@pytest.mark.parametrize("last", ["\n", ""])
@pytest.mark.parametrize("source", ["pipe", "file"])
def test_burst_before_closed_stdin_is_answered(source: str, last: str, tmp_path: Path) -> None:
    calls = [tool(number, "list_repos") for number in range(2, 20)] + [tool(20, "start_run", **START)]
    said = (INITIALIZE + "".join(calls)).rstrip("\n") + last
    (tmp_path / "said").write_text(said)
    how: dict[str, Any] = {"input": said} if source == "pipe" else {"stdin": (tmp_path / "said").open()}
    ended = subprocess.run(
        [*PROGRAM, "--demo"], **how, capture_output=True, text=True, env=environment(tmp_path), timeout=20, check=False
    )
    if "stdin" in how:
        how["stdin"].close()
    answers = {answer["id"]: answer for answer in map(json.loads, ended.stdout.splitlines())}
    assert sorted(answers) == list(range(1, 21))
    assert not [answer for answer in answers.values() if "error" in answer or answer["result"].get("isError")]
    assert (ended.returncode, ended.stderr) == (0, "")


async def test_shutdown_does_not_wait_for_cancelled_requests(tmp_path: Path) -> None:
    async with mogplex(slow(NEVER)) as service:

        def story() -> None:
            with talking(tmp_path, **service.settings) as talk:
                begin_start(talk, service)
                cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 2}}
                talk.say(json.dumps(cancelled) + "\n" + request(3, "ping"))
                talk.hear(3)
                told_to("closed stdin", talk)
                assert lines(talk.running.stdout).read() == ""
                assert_ended("closed stdin", talk)

        await in_thread(story)
