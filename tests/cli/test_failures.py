"""Errors of commands: what happened, why, what to do next, and the exit status."""

import re
from pathlib import Path

import pytest

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.cli.exit_codes import EXIT_CODES, ExitCode, exit_code_of
from mogplex_mcp.cli.terminal.messages import as_commands, command_error
from mogplex_mcp.operations.errors import Argument, Operation, OperationCode, OperationError, operation_error
from mogplex_mcp.simulator import DEMO_READ_ONLY_TOKEN, Fault, FaultKind
from mogplex_mcp.toolkit.errors import tool_error
from mogplex_mcp.tools.catalog import TOOLSETS
from tests.cli.support import Terminal

pytestmark = pytest.mark.anyio

TOKEN = "mog_" + "Qx7" * 10 + "ab"
TOOLS = [tool.name for toolset in TOOLSETS for tool in toolset.tools]


def check(text: str) -> None:
    happened, *others = [line for line in text.splitlines() if not line.startswith("      ")]
    assert happened.startswith("mogplex-mcp: ")
    assert [line[:6] for line in others if not line.startswith("  ")] == ["Why:  ", "Next: "]
    for odd in ("Traceback", "Internal server error", "<<<", "Ask the user", "the user", "None."):
        assert odd not in text


@pytest.mark.parametrize(
    ("token", "code", "advice"),
    [
        ("", ExitCode.UNAUTHORIZED, "mogplex-mcp login"),
        ("mog_YOUR_TOKEN", ExitCode.UNAUTHORIZED, "mogplex-mcp login"),
        ("mog_too_short", ExitCode.UNAUTHORIZED, "set MOGPLEX_API_KEY to it"),
        ("mog_" + "X9" * 16, ExitCode.UNAUTHORIZED, "revoked or expired"),
    ],
)
async def test_invalid_token_exits_with_64(token: str, code: ExitCode, advice: str, terminal: Terminal) -> None:
    refused = await terminal("repos", "list", token=token)
    assert (refused.code, refused.stdout) == (code, "")
    assert advice in refused.stderr
    assert "https://mogplex.com/settings/api-keys" in refused.stderr
    check(refused.stderr)


@pytest.mark.parametrize("token", ["mog_too_short", "mog_" + "X9" * 16, DEMO_READ_ONLY_TOKEN])
@pytest.mark.parametrize("source", ["environment", "file"])
async def test_advice_on_a_token_replaces_the_one_in_use(
    token: str, source: str, terminal: Terminal, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(token)
    file.chmod(0o600)
    given = {"token": token} if source == "environment" else {"token": "", "MOGPLEX_API_KEY_FILE": str(file)}
    refused = await terminal("run", "--repo", "acme/web", "Fix it.", **given)
    wanted = "set MOGPLEX_API_KEY to it" if source == "environment" else "write it to the file of --api-key-file"
    assert wanted in refused.stderr
    assert "mogplex-mcp login" not in refused.stderr


async def test_read_only_token_exits_with_65_on_run(terminal: Terminal) -> None:
    refused = await terminal("run", "--repo", "acme/web", "Fix it.", token=DEMO_READ_ONLY_TOKEN)
    assert refused.code == ExitCode.FORBIDDEN
    check(refused.stderr)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (FaultKind.UNAVAILABLE, ExitCode.UNAVAILABLE),
        (FaultKind.REFUSED, ExitCode.UNAVAILABLE),
        (FaultKind.RESET_AFTER_WRITE, ExitCode.UNAVAILABLE),
        (FaultKind.RATE_LIMITED, ExitCode.TRY_AGAIN),
        (FaultKind.JSON_500, ExitCode.FAILURE),
        (FaultKind.HTML_200, ExitCode.FAILURE),
        (FaultKind.REDIRECT, ExitCode.FAILURE),
    ],
)
async def test_service_fault_has_its_exit_code(kind: FaultKind, code: ExitCode, terminal: Terminal) -> None:
    terminal.simulator.faults.add(Fault(kind, "GET", "/repos", times=None, retry_after=30))
    refused = await terminal("repos", "list", "--json")
    assert (refused.code, refused.stdout) == (code, "")
    check(refused.stderr)


async def test_error_quotes_the_response_under_the_reason(terminal: Terminal) -> None:
    refused = await terminal("runs", "get", "00000000-0000-4000-8000-000000000000")
    assert refused.code == ExitCode.FAILURE
    assert "Why:  Mogplex responded with 404:\n      Run not found\n" in refused.stderr
    check(refused.stderr)


@pytest.mark.parametrize(
    "words",
    [
        ["call", TOKEN],
        ["call", "list_repos", TOKEN],
        ["call", "list_repos", f"query={TOKEN}"],
        ["call", "list_repos", f"limit={TOKEN}"],
        ["call", "list_repos", f"query=@{TOKEN}"],
        ["runs", "get", TOKEN],
        ["runs", "list", "--repo", TOKEN],
        ["run", "--repo", TOKEN, "Fix it."],
        ["run", "--repo", "acme/web", f"Use {TOKEN}."],
        ["sandboxes", "stop", TOKEN],
    ],
    ids=lambda words: " ".join(words).replace(TOKEN, "TOKEN"),
)
async def test_error_does_not_repeat_a_token_given_in_a_wrong_argument(words: list[str], terminal: Terminal) -> None:
    refused = await terminal(*words)
    assert refused.code != 0
    assert TOKEN not in refused.stdout + refused.stderr


@pytest.mark.parametrize(
    "words",
    [("runs", "events", "--follow"), ("runs", "get"), ("runs", "cancel"), ("automations", "get-run", "an-automation")],
)
async def test_a_command_on_a_run_needs_its_id_since_the_latest_may_be_that_of_another_client(
    words: tuple[str, ...], terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    await terminal.started()
    with pytest.raises(SystemExit) as refused:
        await terminal(*words)
    assert refused.value.code == ExitCode.USAGE
    assert "required: RUN" in capsys.readouterr().err


async def test_wrong_setting_is_a_usage_error_that_names_the_nearest(terminal: Terminal) -> None:
    refused = await terminal("repos", "list", "--exclude-tools", "start_rum")
    assert refused.code == ExitCode.USAGE
    assert "start_run" in refused.stderr


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_code_has_an_exit_code(code: ErrorCode) -> None:
    assert code in EXIT_CODES


@pytest.mark.parametrize("code", [ErrorCode.UNREACHABLE, ErrorCode.TLS_FAILED, ErrorCode.TIMED_OUT])
def test_unreachable_mogplex_exits_with_69(code: ErrorCode) -> None:
    assert exit_code_of(code) == ExitCode.UNAVAILABLE


@pytest.mark.parametrize("code", [*ErrorCode, *OperationCode])
@pytest.mark.parametrize("unknown", [False, True])
def test_command_error_always_has_advice(code: str, *, unknown: bool) -> None:
    error = OperationError(code, "because", retry_after=30, may_have_happened=unknown)
    text = command_error(error, base_url="https://mogplex.com/api/v1/mogplex")
    shown: dict[str, str] = {
        OperationCode.UNKNOWN_REPO_ID: "service_unavailable",
        OperationCode.UNEXPECTED_EXCEPTION: "internal_error",
    }
    assert text.code == shown.get(code, code)
    assert text.happened
    assert text.advice
    assert ("nothing is done twice" in text.advice) == unknown
    assert not re.search(r"\b(the user|start_run|check_connection)\b", text.advice)


@pytest.mark.parametrize("code", [*ErrorCode, *OperationCode])
def test_tool_error_always_has_advice(code: str) -> None:
    error = OperationError(code, "because", retry_after=30)
    text = tool_error(error, base_url="https://mogplex.com/api/v1/mogplex", offered=TOOLS, tool="start_run")
    assert text.happened
    assert text.following
    assert not re.search(r"`mogplex-mcp (?!login)", text.following)


def test_an_api_error_keeps_its_code_and_whether_it_may_have_happened() -> None:
    error = operation_error(MogplexError(ErrorCode.TIMED_OUT, "because", may_have_happened=True))
    assert (error.code, error.may_have_happened) == ("timed_out", True)


def test_operations_are_spelled_as_commands_and_arguments_as_flags() -> None:
    for tool in TOOLS:
        assert as_commands(Operation(tool)).startswith("`mogplex-mcp ")
    assert as_commands(Operation("tail_run", {"run_id": "x"})) == "`mogplex-mcp runs events x --follow`"
    assert as_commands(Argument("force_new")) == "--force-new"
    assert as_commands(Argument("working_branch")) == "--branch"
    assert as_commands(Argument("create_branch", "false")) == "--no-create-branch"
