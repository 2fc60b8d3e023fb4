"""What can go wrong between this program and Mogplex, under names that callers can act on."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Why a request did not end in data. The API's own codes, and ours for what is no API answer at all."""

    # Known before anything is sent.
    NO_TOKEN = "no_token"  # noqa: S105 - a name, not a secret
    MALFORMED_TOKEN = "malformed_token"  # noqa: S105 - a name, not a secret
    INVALID_ARGUMENT = "invalid_argument"
    BUDGET_EXHAUSTED = "budget_exhausted"
    # This program could not wait any longer.
    SHUTTING_DOWN = "shutting_down"
    # Nothing came back, or nothing that Mogplex's API would say.
    UNREACHABLE = "unreachable"
    TLS_FAILED = "tls_failed"
    TIMED_OUT = "timed_out"
    CONNECTION_LOST = "connection_lost"
    REDIRECTED = "redirected"
    UNEXPECTED_ANSWER = "unexpected_answer"
    # Said by the API (mogplex-api.md, section 1).
    BAD_REQUEST = "bad_request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    BILLING = "billing"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    RATE_LIMITED = "rate_limited"
    INTERNAL_ERROR = "internal_error"
    NOT_SUPPORTED = "not_supported"
    SERVICE_UNAVAILABLE = "service_unavailable"


class Blame(StrEnum):
    """What is to blame for an error, where that is neither Mogplex nor the request."""

    PROXY = "the proxy on the way to Mogplex"
    ADDRESS = "the configured address"


class MogplexError(Exception):
    """A request to Mogplex that did not end in data.

    Attributes:
        code: The name to act on.
        message: One line for people; never holds the token. May quote the service: treat as others' text.
        status: The HTTP status, when an answer came.
        retry_after: Seconds to wait before the next try, when known.
        may_have_happened: True when the request may have taken effect although no answer says so.
        blame: What is to blame, if that is known and not what the code says.
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        may_have_happened: bool = False,
        blame: Blame | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.retry_after = retry_after
        self.may_have_happened = may_have_happened
        self.blame = blame
