"""Every failure becomes one typed error: a code, a reason in our own words, advice as data, quoted text of others."""

import pytest

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.repos import RepoError, RepoRemedy
from mogplex_mcp.api.responses import RUN_LIMITER_UNAVAILABLE
from mogplex_mcp.operations.errors import (
    Argument,
    InvalidArgumentError,
    Operation,
    OperationCode,
    OperationError,
    check_id,
    operation_error,
    spell,
)
from mogplex_mcp.storage.state_file import StateError

UUID = "75ce86aa-b59e-5f62-9d77-426c941e3c32"


def test_operation_error_quotes_what_a_response_said_and_keeps_our_own_words_apart() -> None:
    quoted = operation_error(MogplexError(ErrorCode.NOT_FOUND, "Run not found", status=404))
    assert (quoted.code, quoted.reason, quoted.quoted, quoted.status) == ("not_found", (), "Run not found", 404)
    ours = operation_error(MogplexError(ErrorCode.UNREACHABLE, "The name could not be resolved."))
    assert (ours.reason, ours.quoted) == (("The name could not be resolved.",), "")


def test_operation_error_keeps_retry_after_and_what_may_have_happened() -> None:
    error = operation_error(
        MogplexError(ErrorCode.RATE_LIMITED, "slow down", status=429, retry_after=37, may_have_happened=True)
    )
    assert (error.retry_after, error.may_have_happened) == (37, True)


def test_operation_error_names_an_unknown_repository_id_behind_a_503() -> None:
    error = operation_error(MogplexError(ErrorCode.SERVICE_UNAVAILABLE, RUN_LIMITER_UNAVAILABLE, status=503))
    assert error.code == OperationCode.UNKNOWN_REPO_ID
    assert "does not know" in str(error)


@pytest.mark.parametrize("hint", RepoRemedy)
def test_operation_error_gives_advice_for_every_hint_about_a_repository(hint: RepoRemedy) -> None:
    error = operation_error(RepoError(ErrorCode.NOT_FOUND, "Mogplex has no repository acme/wep", hint))
    assert error.advice


def test_operation_error_takes_the_first_error_out_of_nested_groups() -> None:
    inner = ExceptionGroup("inner", [StateError("disk full"), ValueError("later")])
    error = operation_error(ExceptionGroup("outer", [inner]))
    assert error.code == OperationCode.JOURNAL_UNUSABLE
    assert "disk full" in str(error)


def test_operation_error_hides_an_unexpected_exception_and_logs_it(caplog: pytest.LogCaptureFixture) -> None:
    error = operation_error(KeyError("secret detail"))
    assert error.code == OperationCode.UNEXPECTED_EXCEPTION
    assert "secret detail" not in str(error)
    assert "KeyError" in caplog.text


def test_operation_error_leaves_an_operation_error_as_it_is() -> None:
    error = OperationError(ErrorCode.CONFLICT, "busy")
    assert operation_error(error) is error


def test_check_id_returns_the_canonical_form_and_names_the_argument_otherwise() -> None:
    assert check_id(UUID.upper().replace("-", ""), "run_id") == UUID
    with pytest.raises(InvalidArgumentError) as refused:
        check_id("latest", "run_id")
    assert refused.value.reason[0] == Argument("run_id")
    assert "Mogplex run id" in str(refused.value)


def test_spell_spells_arguments_and_operations_for_its_reader() -> None:
    phrase = ("See ", Operation("list_runs"), " for ", Argument("run_id"), ".")
    assert spell(phrase, lambda piece: piece.name.upper()) == "See LIST_RUNS for RUN_ID."
