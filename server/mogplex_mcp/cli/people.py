"""The commands for people in a terminal: the words and flags of Mogplex's own command line, and `call` for the rest."""

from argparse import BooleanOptionalAction
from collections.abc import Mapping
from typing import Any, Final

from mogplex_mcp.cli.command import Argument, Command
from mogplex_mcp.cli.terminal.completion import SHELLS

_SWITCH: Final[Mapping[str, Any]] = {"action": "store_true"}
_OPTIONAL: Final[Mapping[str, Any]] = {"nargs": "?", "default": ""}
_NUMBER: Final[Mapping[str, Any]] = {"type": int, "metavar": "NUMBER"}

_JSON: Final = Argument("--json", "one JSON object per line, for programs", _SWITCH)
_REPO: Final = Argument("--repo", "owner/name, or an id from `repos list`", {"metavar": "REPO"})
_LIMIT: Final = Argument("--limit", "how many at the most", _NUMBER)
_RUN: Final = Argument("run", "id of the run; left out: the latest one", {"metavar": "RUN", **_OPTIONAL})
_AUTOMATION: Final = Argument("automation", "id of the automation", {"metavar": "AUTOMATION"})
_SANDBOX: Final = Argument("sandbox", "id of the sandbox", {"metavar": "SANDBOX"})
_FOLLOW: Final = Argument("--follow", "watch it until it has ended", _SWITCH)
_TIMEOUT: Final = Argument(
    "--timeout",
    "with --follow: give up watching after so many seconds (default: watch as long as the run lives)",
    {"type": float, "metavar": "SECONDS"},
)
_BASE_BRANCH: Final = Argument(
    "--base-branch", "branch to begin with (default: the default branch)", {"metavar": "NAME"}
)
_ROOT: Final = Argument("--root", "folder of a monorepo (default: the whole repository)", {"metavar": "FOLDER"})
_KEY: Final = Argument(
    "--idempotency-key", "your own key: the same one never starts twice (default: made for you)", {"metavar": "KEY"}
)
_FORCE_NEW: Final = Argument("--force-new", "start another one beside the same one", _SWITCH)
_ENDED: Final = "With --follow, the exit code is 0 if it succeeded, 1 if it failed or was cancelled."

REPOS: Final = Command(
    "repos",
    "look at the repositories that Mogplex can work on",
    commands=(
        Command(
            "list",
            "list repositories",
            "repos:list_repos",
            (Argument("--query", "part of owner/name", {"metavar": "TEXT"}), _LIMIT, _JSON),
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
        Argument("prompt", "the whole task; - reads it from stdin", {"metavar": "PROMPT"}),
        _REPO,
        Argument("--harness", "the agent (default: codex)", {"choices": ("codex", "claude-code")}),
        _BASE_BRANCH,
        Argument("--branch", "branch to work on (default: a new name)", {"metavar": "NAME"}),
        Argument(
            "--create-branch",
            "make that branch anew: the default here, unlike with `mogplex run`; with --no-create-branch the agent "
            "works on --branch itself, or on the base branch",
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
    "command again within ten minutes finds the same run instead of starting a second one, also after a crash. "
    f"{_ENDED}",
    example='run --repo acme/web --follow "Fix the flaky test in the checkout flow."',
)

RUNS: Final = Command(
    "runs",
    "look at runs, follow them, stop them",
    commands=(
        Command(
            "list",
            "list the runs that were started or seen from this machine, newest first",
            "runs:list_runs",
            (
                _REPO,
                Argument(
                    "--status",
                    "only these; open: not ended yet",
                    {"choices": ("any", "open", "pending", "streaming", "success", "failed", "cancelled")},
                ),
                Argument("--max-age-hours", "how old at the most (default: a week)", _NUMBER),
                _LIMIT,
                _JSON,
            ),
            details="Mogplex itself has no list of runs: they come from the journal on this machine.",
            example="runs list --status open",
        ),
        Command("get", "show a run as it stands", "runs:get_run", (_RUN, _JSON), example="runs get"),
        Command(
            "events",
            "show what a run has reported, or watch it",
            "runs:show_events",
            (_RUN, _FOLLOW, _TIMEOUT, _JSON),
            details=f"{_ENDED} Ctrl-C ends watching and leaves the run alone. With --json the last "
            "line says how the run ended.",
            example="runs events --follow",
        ),
        Command(
            "cancel",
            "stop a run for good",
            "runs:cancel_run",
            (Argument("run", "id of the run", {"metavar": "RUN"}), _JSON),
            details="What it has not delivered is lost.",
            example="runs cancel 8f3a2b1c-1234-4abc-9def-1234567890ab",
        ),
    ),
    example="runs events --follow",
)

SANDBOXES: Final = Command(
    "sandboxes",
    "look after the cloud machines that agents work in",
    commands=(
        Command(
            "list",
            "list sandboxes, the one used last first",
            "sandboxes:list_sandboxes",
            (
                _REPO,
                Argument(
                    "--status",
                    "only these",
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
            "boot a sandbox, which takes minutes; `run` makes its own",
            "sandboxes:create_sandbox",
            (
                _REPO,
                _BASE_BRANCH,
                Argument("--branch", "branch to check out (default: Mogplex chooses)", {"metavar": "NAME"}),
                Argument("--create-branch", "make that branch anew", _SWITCH),
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
                Argument("--log", "which one (default: install)", {"choices": ("install", "dev", "lifecycle")}),
                Argument("--from-line", "from this line on (default: the newest lines)", _NUMBER),
                Argument("--max-lines", "how many lines at the most", _NUMBER),
                _JSON,
            ),
            example="sandboxes logs 8f3a2b1c-1234-4abc-9def-1234567890ab --log dev",
        ),
        Command(
            "stop",
            "say where a sandbox can be stopped, since Mogplex's API cannot do it yet",
            "sandboxes:stop_sandbox",
            (_SANDBOX, _JSON),
            example="sandboxes stop 8f3a2b1c-1234-4abc-9def-1234567890ab",
        ),
    ),
    example="sandboxes list --status running",
)

_WAIT: Final = Argument("--follow", "wait until it has ended", _SWITCH)

AUTOMATIONS: Final = Command(
    "automations",
    "find automations, trigger them, look at what they did",
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
                Argument("--inputs", "what it gets: a JSON object, @FILE, or - for stdin", {"metavar": "JSON"}),
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
            (_AUTOMATION, _RUN, _WAIT, _JSON),
            details=_ENDED,
            example="automations get-run 8f3a2b1c-1234-4abc-9def-1234567890ab --follow",
        ),
    ),
    example="automations list",
)

CALL: Final = Command(
    "call",
    "call any tool by its name; without a name: list the tools",
    "call:call_tool",
    (
        Argument("tool", "name of the tool", {"metavar": "TOOL", **_OPTIONAL}),
        Argument(
            "arguments",
            "what it takes; objects and lists as JSON, key=@FILE for what a file holds, key=- for stdin",
            {"metavar": "key=value", "nargs": "*"},
        ),
        Argument("--describe", "tell what the tool takes, and do nothing", _SWITCH),
        Argument("--yes", "agree beforehand to what a tool would ask", _SWITCH),
        Argument("--json", "the structured answer on one line, for programs", _SWITCH),
    ),
    details="Tools of toolsets that are off by default can be called too. What changes things for good asks first; "
    "without a terminal it needs --yes.",
    example="call get_sandbox_logs sandbox_id=8f3a2b1c-1234-4abc-9def-1234567890ab log=dev",
)

COMPLETION: Final = Command(
    "completion",
    "print a script that lets your shell complete commands and options",
    "completion:print_script",
    (Argument("shell", "your shell", {"choices": tuple(SHELLS)}),),
    details='Load it with `eval "$(mogplex-mcp completion bash)"` in ~/.bashrc (zsh: the same in ~/.zshrc), or '
    "`mogplex-mcp completion fish | source` in ~/.config/fish/config.fish.",
    example="completion bash",
)

FOR_PEOPLE: Final = (REPOS, RUN, RUNS, SANDBOXES, AUTOMATIONS, CALL, COMPLETION)
