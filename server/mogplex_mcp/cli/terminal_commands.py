"""Commands for the terminal, with the names and flags of Mogplex's own command line, and `call` for all other tools."""

import contextlib
import math
from argparse import ArgumentTypeError, BooleanOptionalAction
from collections.abc import Mapping
from typing import Any, Final

from mogplex_mcp.cli.command import Command, CommandArgument
from mogplex_mcp.cli.terminal.completion import SHELLS

_LONGEST_SHOWN: Final = 40


def _seconds(text: str) -> float:
    """Return a number of seconds; refused before anything is started that costs money."""
    with contextlib.suppress(ValueError):
        if 0 < (seconds := float(text)) < math.inf:
            return seconds
    raise ArgumentTypeError(f"write a number of seconds above 0, not {text[:_LONGEST_SHOWN]!r}")


_SECONDS: Final[Mapping[str, Any]] = {"type": _seconds, "metavar": "SECONDS"}
_SWITCH: Final[Mapping[str, Any]] = {"action": "store_true"}
_OPTIONAL: Final[Mapping[str, Any]] = {"nargs": "?", "default": ""}
_NUMBER: Final[Mapping[str, Any]] = {"type": int, "metavar": "NUMBER"}

_RUN_ID: Final = "8f3a2b1c-1234-4abc-9def-1234567890ab"
_JSON: Final = CommandArgument("--json", "one JSON object per line, for programs", _SWITCH)
_REPO: Final = CommandArgument("--repo", "owner/name, or an id from `repos list`", {"metavar": "REPO"})
_LIMIT: Final = CommandArgument("--limit", "maximum number of items", _NUMBER)
_RUN: Final = CommandArgument("run", "id of the run, or its beginning as in `runs list`", {"metavar": "RUN"})
_AUTOMATION_RUN: Final = CommandArgument("run", "id of the run", {"metavar": "RUN"})
_AUTOMATION: Final = CommandArgument("automation", "id of the automation", {"metavar": "AUTOMATION"})
_SANDBOX: Final = CommandArgument("sandbox", "id of the sandbox", {"metavar": "SANDBOX"})
_FOLLOW: Final = CommandArgument("--follow", "watch it until it has ended", _SWITCH)
_TIMEOUT: Final = CommandArgument(
    "--timeout",
    "with --follow: stop watching after this many seconds (default: no limit)",
    _SECONDS,
)
_BASE_BRANCH: Final = CommandArgument(
    "--base-branch", "branch to start from (default: the default branch)", {"metavar": "NAME"}
)
_ROOT: Final = CommandArgument("--root", "folder of a monorepo (default: the whole repository)", {"metavar": "FOLDER"})
_KEY: Final = CommandArgument(
    "--idempotency-key", "key of this start; the same key never starts twice (default: generated)", {"metavar": "KEY"}
)
_FORCE_NEW: Final = CommandArgument("--force-new", "start another one even if an identical one exists", _SWITCH)
_ENDED: Final = "With --follow, the exit status is 0 if it succeeded, 1 if it failed or was cancelled."

REPOS: Final = Command(
    "repos",
    "list the repositories connected to Mogplex",
    commands=(
        Command(
            "list",
            "list repositories",
            "repos:list_repos",
            (CommandArgument("--query", "part of owner/name", {"metavar": "TEXT"}), _LIMIT, _JSON),
            example="repos list --query web",
        ),
    ),
    example="repos list --query web",
)

RUN: Final = Command(
    "run",
    "start a coding agent on a repository",
    "run:start_run",
    (
        CommandArgument("prompt", "the task; - reads it from stdin", {"metavar": "PROMPT"}),
        _REPO,
        CommandArgument(
            "--continue",
            "continue this run, which has ended, on its branches, so that its open pull request is updated; --repo is "
            "not needed then",
            {"metavar": "RUN", "dest": "continue_run"},
        ),
        CommandArgument("--harness", "the agent (default: codex)", {"choices": ("codex", "claude-code")}),
        _BASE_BRANCH,
        CommandArgument("--branch", "branch to work on (default: a generated name)", {"metavar": "NAME"}),
        CommandArgument(
            "--create-branch",
            "create that branch (the default, unlike in `mogplex run`); with --no-create-branch the agent works on the "
            "existing --branch, or on the base branch",
            {"action": BooleanOptionalAction},
        ),
        _ROOT,
        _KEY,
        _FORCE_NEW,
        _FOLLOW,
        _TIMEOUT,
        _JSON,
    ),
    details="The agent works in a cloud sandbox, on a new branch, towards a pull request. Runs cost money. The same "
    "command within ten minutes finds the same run, ended or not, instead of starting a second one, also after a "
    "crash or with another journal. "
    f"{_ENDED}",
    example='run --repo acme/web --follow "Fix the flaky test in the checkout flow."',
)

RUNS: Final = Command(
    "runs",
    "list, follow, watch and cancel runs",
    commands=(
        Command(
            "list",
            "list the runs started or seen on this machine, newest first",
            "runs:list_runs",
            (
                _REPO,
                CommandArgument(
                    "--status",
                    "only runs with this status; open: not ended yet",
                    {"choices": ("any", "open", "pending", "streaming", "success", "failed", "cancelled")},
                ),
                CommandArgument("--max-age-hours", "maximum age in hours (default: 168, a week)", _NUMBER),
                _LIMIT,
                _JSON,
            ),
            details="The Mogplex API has no list of runs; they are read from the journal on this machine.",
            example="runs list --status open",
        ),
        Command("get", "show a run", "runs:get_run", (_RUN, _JSON), example=f"runs get {_RUN_ID}"),
        Command(
            "events",
            "show the events of a run, or watch it",
            "runs:show_events",
            (_RUN, _FOLLOW, _TIMEOUT, _JSON),
            details=f"{_ENDED} Ctrl-C stops watching; the run continues. With --json the last "
            "line is the outcome of the run.",
            example=f"runs events {_RUN_ID} --follow",
        ),
        Command(
            "watch",
            "watch several runs at once, until each has ended",
            "watch:watch_runs",
            (
                CommandArgument(
                    "runs",
                    "ids of the runs, up to 10 (default: the open ones of `runs list`)",
                    {"metavar": "RUN", "nargs": "*"},
                ),
                CommandArgument("--timeout", "stop watching after this many seconds (default: no limit)", _SECONDS),
                _JSON,
            ),
            details="A terminal shows a table that updates; otherwise each change of a run is a line. The exit status "
            "is 0 if all succeeded, otherwise 1. Ctrl-C stops watching; the runs continue.",
            example=f"runs watch {_RUN_ID[:8]} 5d1c9a7e",
        ),
        Command(
            "cancel",
            "cancel a run; this cannot be undone",
            "runs:cancel_run",
            (_RUN, _JSON),
            details="Work that is not pushed yet is lost.",
            example=f"runs cancel {_RUN_ID}",
        ),
    ),
    example="runs list --status open",
)

SANDBOXES: Final = Command(
    "sandboxes",
    "manage the cloud sandboxes that agents work in",
    commands=(
        Command(
            "list",
            "list sandboxes, most recently used first",
            "sandboxes:list_sandboxes",
            (
                _REPO,
                CommandArgument(
                    "--status",
                    "only sandboxes with this status",
                    {
                        "choices": (
                            "any",
                            "creating",
                            "installing",
                            "running",
                            "pausing",
                            "paused",
                            "stopped",
                            "error",
                        )
                    },
                ),
                _LIMIT,
                _JSON,
            ),
            example="sandboxes list --status running",
        ),
        Command(
            "create",
            "create a sandbox, which takes minutes; `run` creates its own",
            "sandboxes:create_sandbox",
            (
                _REPO,
                _BASE_BRANCH,
                CommandArgument("--branch", "branch to check out (default: Mogplex chooses)", {"metavar": "NAME"}),
                CommandArgument("--create-branch", "create that branch", _SWITCH),
                _ROOT,
                _JSON,
            ),
            example="sandboxes create --repo acme/web",
        ),
        Command(
            "logs",
            "print a log of a sandbox",
            "sandboxes:read_logs",
            (
                _SANDBOX,
                CommandArgument("--log", "which log (default: install)", {"choices": ("install", "dev", "lifecycle")}),
                CommandArgument("--from-line", "first line to print (default: the newest lines)", _NUMBER),
                CommandArgument("--max-lines", "maximum number of lines", _NUMBER),
                _JSON,
            ),
            example="sandboxes logs 8f3a2b1c-1234-4abc-9def-1234567890ab --log dev",
        ),
        Command(
            "stop",
            "print where to stop a sandbox, which the Mogplex API cannot do yet",
            "sandboxes:stop_sandbox",
            (_SANDBOX, _JSON),
            example="sandboxes stop 8f3a2b1c-1234-4abc-9def-1234567890ab",
        ),
    ),
    example="sandboxes list --status running",
)

_WAIT: Final = CommandArgument("--follow", "wait until it has ended", _SWITCH)

AUTOMATIONS: Final = Command(
    "automations",
    "list, show and trigger automations, and follow their runs",
    commands=(
        Command(
            "list", "list automations", "automations:list_automations", (_LIMIT, _JSON), example="automations list"
        ),
        Command(
            "get",
            "show an automation with its nodes",
            "automations:get_automation",
            (_AUTOMATION, _JSON),
            example="automations get 8f3a2b1c-1234-4abc-9def-1234567890ab",
        ),
        Command(
            "trigger",
            "run a published automation on a repository",
            "automations:trigger_automation",
            (
                _AUTOMATION,
                _REPO,
                CommandArgument("--inputs", "inputs: a JSON object, @FILE, or - for stdin", {"metavar": "JSON"}),
                _KEY,
                _FORCE_NEW,
                _WAIT,
                _JSON,
            ),
            details="This costs money. For ten minutes the same command finds the same run.",
            example="automations trigger 8f3a2b1c-1234-4abc-9def-1234567890ab --repo acme/web",
        ),
        Command(
            "runs",
            "list the runs of an automation, newest first",
            "automation_runs:list_runs",
            (_AUTOMATION, _LIMIT, _JSON),
            example="automations runs 8f3a2b1c-1234-4abc-9def-1234567890ab",
        ),
        Command(
            "get-run",
            "show a run of an automation",
            "automation_runs:get_run",
            (_AUTOMATION, _AUTOMATION_RUN, _WAIT, _JSON),
            details=_ENDED,
            example=f"automations get-run 5d1c9a7e-1234-4abc-9def-1234567890ab {_RUN_ID} --follow",
        ),
    ),
    example="automations list",
)

CALL: Final = Command(
    "call",
    "call any tool by name; without a name: list the tools",
    "call:call_tool",
    (
        CommandArgument("tool", "name of the tool", {"metavar": "TOOL", **_OPTIONAL}),
        CommandArgument(
            "arguments",
            "arguments; objects and lists as JSON, key=@FILE for the content of a file, key=- for stdin",
            {"metavar": "key=value", "nargs": "*"},
        ),
        CommandArgument("--describe", "print the arguments of the tool without calling it", _SWITCH),
        CommandArgument("--yes", "confirm all changes without asking", _SWITCH),
        CommandArgument("--json", "print the structured result on one line, for programs", _SWITCH),
    ),
    details="Tools of toolsets that are off by default can be called too. Tools that make permanent changes ask first; "
    "without a terminal they need --yes.",
    example="call get_sandbox_logs sandbox_id=8f3a2b1c-1234-4abc-9def-1234567890ab log=dev",
)

COMPLETION: Final = Command(
    "completion",
    "print a shell completion script",
    "completion:print_script",
    (CommandArgument("shell", "your shell", {"choices": tuple(SHELLS)}),),
    details='Load it with `eval "$(mogplex-mcp completion bash)"` in ~/.bashrc (zsh: the same in ~/.zshrc), or '
    "`mogplex-mcp completion fish | source` in ~/.config/fish/config.fish.",
    example="completion bash",
)

TERMINAL_COMMANDS: Final = (REPOS, RUN, RUNS, SANDBOXES, AUTOMATIONS, CALL, COMPLETION)
