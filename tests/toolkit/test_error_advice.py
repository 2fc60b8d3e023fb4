"""What an error advises: never to repeat what could then be done twice."""

import re

import pytest

from mogplex_mcp.api.errors import Blame, ErrorCode, MogplexError
from mogplex_mcp.cli.terminal.messages import command_error
from mogplex_mcp.operations.errors import operation_error
from mogplex_mcp.toolkit.errors import tool_error

BASE_URL = "https://mogplex.com/api/v1/mogplex"
REPEATS = re.compile(r"\b(call \w+ again|run the (same )?command again|try again)\b", re.IGNORECASE)


def advice_for(error: MogplexError, *, repeatable: bool) -> list[str]:
    """Return the advice for a model and for a person."""
    failure = operation_error(error)
    model = tool_error(failure, base_url=BASE_URL, offered=(), tool="rerun_pr_review", repeatable=repeatable)
    person = command_error(failure, base_url=BASE_URL, repeatable=repeatable)
    return [model.following, person.advice]


@pytest.mark.parametrize("status", [None, 404, 500])
@pytest.mark.parametrize("code", ErrorCode)
def test_what_may_have_happened_is_never_advised_to_be_repeated(code: ErrorCode, status: int | None) -> None:
    error = MogplexError(code, "said so", status=status, may_have_happened=True)
    for advice in advice_for(error, repeatable=False):
        assert not REPEATS.search(advice), advice
        assert "it could be done twice" in advice


def test_response_that_is_not_of_the_api_is_no_reason_to_repeat_a_paid_call() -> None:
    error = MogplexError(ErrorCode.UNEXPECTED_ANSWER, "Received an HTML page", status=404)
    for advice in advice_for(error, repeatable=False):
        assert not REPEATS.search(advice), advice
    assert all(REPEATS.search(advice) for advice in advice_for(error, repeatable=True))


@pytest.mark.parametrize(
    ("blame", "happened", "setting"),
    [
        (Blame.PROXY, "The proxy did not carry the request.", "proxy"),
        (Blame.ADDRESS, "The configured address is not a Mogplex API.", "MOGPLEX_URL"),
    ],
)
def test_error_that_blames_names_what_has_to_be_corrected(blame: Blame, happened: str, setting: str) -> None:
    failure = operation_error(MogplexError(ErrorCode.UNREACHABLE, "The proxy refused", blame=blame))
    model = tool_error(failure, base_url=BASE_URL, offered=())
    person = command_error(failure, base_url=BASE_URL)
    assert model.happened == happened
    assert happened.startswith(person.happened.rstrip("."))
    assert setting in model.following
    assert setting in person.advice


@pytest.mark.parametrize(("token_from", "signs_in"), [("login", True), ("mogplex_cli", True), ("environment", False)])
def test_missing_scope_is_had_by_signing_in_where_that_replaces_the_token(token_from: str, signs_in: bool) -> None:
    failure = operation_error(MogplexError(ErrorCode.FORBIDDEN, "Missing required scope: write", status=403))
    model = tool_error(failure, base_url=BASE_URL, offered=(), token_from=token_from)
    person = command_error(failure, base_url=BASE_URL, token_from=token_from)
    for advice in (model.following, person.advice):
        assert ("run `mogplex-mcp login`" in advice) is signs_in
        assert "create a token that has it at https://mogplex.com/settings/api-keys" in advice


@pytest.mark.parametrize("status", [402, 403])
def test_billing_is_said_as_billing_and_not_as_a_missing_scope(status: int) -> None:
    error = MogplexError(ErrorCode.BILLING, "Requires a positive billing balance", status=status)
    for advice in advice_for(error, repeatable=True):
        assert "Settings > Billing" in advice
        assert "scope" not in advice


def test_error_of_json_rpc_is_not_said_to_be_an_http_status() -> None:
    failure = operation_error(MogplexError(ErrorCode.NOT_SUPPORTED, "Method not found", status=200))
    model = tool_error(failure, base_url=BASE_URL, offered=())
    person = command_error(failure, base_url=BASE_URL)
    assert model.why == "The response is quoted below"
    assert person.why == "The response was:"
