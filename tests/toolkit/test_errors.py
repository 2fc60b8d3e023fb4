"""Errors in the words of their reader: one cause, one advice."""

import pytest

from mogplex_mcp.api.errors import ErrorCode
from mogplex_mcp.cli.terminal.messages import command_error
from mogplex_mcp.operations.errors import Operation, OperationCode, OperationError
from mogplex_mcp.toolkit.errors import tool_error

BASE = "https://mogplex.internal/api/v1/mogplex"
CODES = [code for kind in (ErrorCode, OperationCode) for code in kind]


def text(error: OperationError, *, token_from: str = "", repeatable: bool = True) -> str:
    return tool_error(
        error,
        base_url=BASE,
        offered={"check_connection"},
        tool="list_runs",
        repeatable=repeatable,
        token_from=token_from,
    ).text


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("token_from", ["request", "operator"])
@pytest.mark.parametrize("repeatable", [True, False])
def test_tool_error_sends_a_caller_over_http_to_no_terminal_and_no_setting_of_its_own(
    code: str, token_from: str, repeatable: bool
) -> None:
    said = text(OperationError(code), token_from=token_from, repeatable=repeatable)
    assert "mogplex-mcp login" not in said
    assert "MOGPLEX_API_KEY" not in said
    assert "mogplex.com" not in said
    assert "ask the user to check" not in said.lower()
    assert "the user, who can check" not in said
    assert "SSL_CERT_FILE" not in said


@pytest.mark.parametrize(
    "code", [ErrorCode.NO_TOKEN, ErrorCode.MALFORMED_TOKEN, ErrorCode.UNAUTHORIZED, ErrorCode.FORBIDDEN]
)
def test_tool_error_names_the_header_over_http_and_login_on_journal_clock(code: ErrorCode) -> None:
    over_http = text(OperationError(code), token_from="request")
    assert "your client's Authorization header" in over_http
    assert "https://mogplex.internal/settings/api-keys" in over_http
    assert "mogplex-mcp login" in text(OperationError(code))


@pytest.mark.parametrize("code", [ErrorCode.SHUTTING_DOWN, ErrorCode.TIMED_OUT, ErrorCode.CONNECTION_LOST])
def test_an_unknown_outcome_has_one_advice_for_each_reader(code: ErrorCode) -> None:
    error = OperationError(code, may_have_happened=True)
    said = text(error, repeatable=False)
    assert "Next: Look before doing it again: it could be done twice.\n" in said
    terminal = command_error(error, base_url=BASE, repeatable=False)
    assert terminal.advice == "Check before you run it again: it could be done twice."
    for repeatable in (text(error), command_error(error, base_url=BASE).advice):
        assert "nothing is done twice" in repeatable
        assert "could be done twice" not in repeatable


def test_an_unknown_outcome_keeps_the_advice_of_its_operation() -> None:
    error = OperationError(ErrorCode.CONFLICT, advice=(Operation("list_runs"), " shows it."), may_have_happened=True)
    said = text(error, repeatable=False)
    assert "Next: list_runs shows it. Look before doing it again: it could be done twice.\n" in said


def test_codes_that_programs_read() -> None:
    assert "(code: shutting_down)" in text(OperationError(ErrorCode.SHUTTING_DOWN))
    own = OperationError(OperationCode.UNEXPECTED_EXCEPTION)
    assert "(code: internal_error)" in text(own)
    assert "bridge" not in text(own)
    assert command_error(own, base_url=BASE).code == "internal_error"


@pytest.mark.parametrize(
    ("seconds", "wait"), [(1, "in 1 second."), (7, "in 7 seconds."), (300, "in 300 seconds (5 min)")]
)
def test_tool_error_says_when_to_call_again(seconds: float, wait: str) -> None:
    assert wait in text(OperationError(ErrorCode.SERVICE_UNAVAILABLE, retry_after=seconds))
