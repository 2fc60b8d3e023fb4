"""Scripts of runs: what happens when, as fractions of a run's duration.

A script is data. Texts may contain the placeholders `{run_id}`, `{harness}`, `{base}`, `{working}`, `{full_name}` and
`{number}`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

PENDING = "pending"
STREAMING = "streaming"
SUCCESS = "success"
FAILED = "failed"
CANCELLED = "cancelled"
TERMINAL = frozenset({SUCCESS, FAILED, CANCELLED})

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Step(NamedTuple):
    """Something that happens in a run: a new status, an event, or both.

    Attributes:
        at: when it becomes visible, as a fraction of the run's duration.
        status: the status from then on.
        type: the type of the event, if any.
        message: the event's message.
        payload: the event's payload.
        tool: the event's tool name.
        dated: the `createdAt` of the event as a fraction, where it differs from `at`: a row that arrives late.
        error: `run.error` from then on.
        sandbox: from here on the run has a sandbox.
    """

    at: float
    status: str | None = None
    type: str | None = None
    message: str | None = None
    payload: Mapping[str, Any] = _NOTHING
    tool: str | None = None
    dated: float | None = None
    error: str | None = None
    sandbox: bool = False


class RunScript(NamedTuple):
    """The script of a run.

    Attributes:
        name: for `Simulator.plan` and for `simulate:<name>` in a prompt.
        steps: in any order; `at` decides.
        queued: False leaves `runtime.runId` null: the queue never accepted the run.
        status: the status before any step.
    """

    name: str
    steps: tuple[Step, ...]
    queued: bool = True
    status: str = PENDING


ACCEPTED = Step(
    0.0,
    type="started",
    message="External Mogplex run accepted",
    payload={"harness_id": "{harness}", "working_branch": "{working}", "external_run_id": "{run_id}"},
)
PULL_REQUEST = "https://github.com/{full_name}/pull/{number}"

_BEGINNING = (
    ACCEPTED,
    Step(0.03, type="started", message="Harness run started: {harness}", payload={"harness_id": "{harness}"}),
    Step(
        0.05,
        type="log",
        message="Synced repository",
        payload={"stage": "git_sync", "base_branch": "{base}", "working_branch": "{working}"},
    ),
    Step(0.07, type="log", message="Wrote MCP configuration", payload={"stage": "mcp_config", "servers": 1}),
    Step(0.1, type="log", message="Installed dependencies", payload={"stage": "install", "exit_code": 0}),
    Step(
        0.15,
        status=STREAMING,
        type="status_changed",
        message="Harness run streaming",
        payload={"from": PENDING, "to": STREAMING},
        sandbox=True,
    ),
)


def _delivered(at: float, *, changed: bool = True) -> Step:
    return Step(
        at,
        type="log",
        message="Delivered changes" if changed else "No changes to deliver",
        payload={
            "stage": "git_delivery",
            "changed": changed,
            "pull_request_url": PULL_REQUEST if changed else None,
            "base_branch": "{base}",
            "working_branch": "{working}",
            "auto_committed_files": ["src/index.ts", "tests/index.test.ts"] if changed else [],
        },
    )


def _finished(at: float, *, exit_code: int | None = 0, failure_code: str | None = None) -> Step:
    return Step(
        at,
        type="finished",
        message="Harness run finished",
        payload={"exit_code": exit_code, "failure_code": failure_code},
    )


def _ended(at: float, status: str, error: str | None = None) -> Step:
    return Step(at, status=status, error=error)


_GOOD_END = (_delivered(0.95), _finished(0.99), _ended(1.0, SUCCESS))
# 500 events with those of the beginning and the end, whose last step has none.
_MANY = tuple(
    Step(
        0.15 + 0.8 * index / 500,
        type="tool_started" if index % 2 == 0 else "tool_finished",
        message=f"event {index:03d}",
        payload={"seq": index},
        tool="bash",
    )
    for index in range(500 - len(_BEGINNING) - len(_GOOD_END) + 1)
)
_TIES = tuple(
    Step(0.2 + 0.01 * index, type="log", message=f"tie {index:03d}", payload={"seq": index}, dated=0.2)
    for index in range(30)
)
_WORK = tuple(
    Step(at, type="tool_finished", message=message, payload={"exit_code": 0}, tool=tool)
    for at, tool, message in (
        (0.3, "bash", "Searched the repository for what the task names"),
        (0.42, "read", "Read the test and the code under it"),
        (0.6, "edit", "Changed src/index.ts and tests/index.test.ts"),
        (0.85, "bash", "Ran the tests: 48 passed"),
    )
)
# Made up: these follow the patterns of real credentials and open nothing.
_FAKE_SECRETS = "token ghp_SIMULATEDabcdefghij0123456789 and mog_SIMULATEDsimulatedSIMULATED01234"
_LONG = (
    Step(0.3, type="log", message="\x1b[31mred\x1b[0m \x1b]0;title\x07 ends here", payload={"seq": 0}),
    Step(0.4, type="log", message="x" * 300_000, payload={"output": "y" * 30_000}),
    Step(0.5, type="log", message=_FAKE_SECRETS, payload={"api_key": "SIMULATED", "input_tokens": 12}),
)

_ALL = (
    RunScript("success", _BEGINNING + _GOOD_END),
    RunScript("with_tools", _BEGINNING + _WORK + _GOOD_END),
    RunScript("no_changes", (*_BEGINNING, _delivered(0.95, changed=False), _finished(0.99), _ended(1.0, SUCCESS))),
    RunScript(
        "failed",
        (
            *_BEGINNING,
            _finished(0.8, exit_code=1, failure_code="harness_exit_nonzero"),
            _ended(0.81, FAILED, "Harness exited with code 1"),
        ),
    ),
    RunScript(
        "failed_on_start",
        (
            ACCEPTED,
            Step(
                0.05,
                status=FAILED,
                type="failed",
                message="Sandbox launch failed",
                payload={"exit_code": None, "failure_code": "sandbox_launch_failed"},
                error="Sandbox launch failed",
            ),
        ),
    ),
    RunScript("stuck_pending", (ACCEPTED,), queued=False),
    RunScript(
        "status_back",
        (
            *_BEGINNING,
            Step(0.4, status=CANCELLED, type="cancelled", message="External Mogplex run cancelled"),
            Step(
                0.6, status=STREAMING, type="status_changed", message="Harness run streaming", payload={"to": STREAMING}
            ),
            _finished(0.9, exit_code=137, failure_code="harness_killed"),
            _ended(0.95, FAILED, "Harness exited with code 137"),
        ),
    ),
    RunScript(
        "late_events",
        (
            *_BEGINNING,
            Step(0.3, type="log", message="in time", payload={"seq": 0}),
            Step(0.5, type="log", message="in time", payload={"seq": 2}),
            Step(0.7, type="log", message="late", payload={"seq": 1}, dated=0.4),
            Step(0.97, type="log", message="very late", payload={"seq": -1}, dated=0.2),
            *_GOOD_END,
        ),
    ),
    RunScript("ties", _BEGINNING + _TIES + _GOOD_END),
    RunScript("many_events", _BEGINNING + _MANY + _GOOD_END),
    RunScript("long_messages", _BEGINNING + _LONG + _GOOD_END),
    RunScript("terminal_before_last_event", (*_BEGINNING, _ended(0.9, SUCCESS), _delivered(0.95), _finished(1.0))),
    RunScript("last_event_before_terminal", (*_BEGINNING, _delivered(0.7), _finished(0.75), _ended(1.0, SUCCESS))),
    RunScript("falls_back_to_pending", (*_BEGINNING, Step(0.5, status=PENDING))),
)

SCRIPTS: Mapping[str, RunScript] = MappingProxyType({script.name: script for script in _ALL})
"""Every script by its name."""


def script_of(script: RunScript | str) -> RunScript:
    """Return the script of a name; a script is returned unchanged.

    Raises:
        KeyError: there is no script of this name.
    """
    return SCRIPTS[script] if isinstance(script, str) else script
