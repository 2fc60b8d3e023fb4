"""Fault injection: what networks, proxies and an overloaded service do to a request."""

from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase


class FaultKind(StrEnum):
    """The kinds of faults.

    The connection level (real over sockets, httpx2 exceptions in-process): `refused`, `reset_before_write` (the request
    is not executed), `reset_after_write` (it is, and the response is lost), `slow` (the response is `seconds` late),
    `slow_body` (each part of the body does), `cut_body` (the connection ends in the middle), `wrong_length` (a
    `Content-Length` shorter than the body).

    Responses of an edge proxy or the service in place of executing the request: `html_502`, `html_200`, `empty_500`,
    `json_500`, `rate_limited`, `unavailable`, `invalid_json`, `invalid_utf8`, `redirect` (to another host).

    The queue behind starts and triggers: `queue_failure` (500 after `seconds`; the run exists and has failed, the job
    run of an automation stays pending), `queue_hang` (the response is `seconds` late; the run stays pending, a job run
    whose caller has gone stays running without a runtime id).
    """

    REFUSED = "refused"
    RESET_BEFORE_WRITE = "reset_before_write"
    RESET_AFTER_WRITE = "reset_after_write"
    SLOW = "slow"
    SLOW_BODY = "slow_body"
    CUT_BODY = "cut_body"
    WRONG_LENGTH = "wrong_length"
    HTML_502 = "html_502"
    HTML_200 = "html_200"
    EMPTY_500 = "empty_500"
    JSON_500 = "json_500"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    INVALID_JSON = "invalid_json"
    INVALID_UTF8 = "invalid_utf8"
    REDIRECT = "redirect"
    QUEUE_FAILURE = "queue_failure"
    QUEUE_HANG = "queue_hang"


@dataclass(slots=True)
class Fault:
    """A fault and the requests that it applies to.

    Attributes:
        kind: what happens.
        method: HTTP method, or `*`.
        path: pattern (fnmatch) for the path below `/api/v1/mogplex`, such as `/runs/*`.
        times: how often it applies; None for always.
        seconds: for `slow`, `slow_body`, `queue_failure` and `queue_hang`.
        retry_after: seconds that `rate_limited` and `unavailable` put into `Retry-After`; None leaves it out.
        message: of the error in `json_500`, `rate_limited` and `unavailable`; None for the usual one.
        location: where `redirect` leads; None for the same path on another host.
    """

    kind: FaultKind | str
    method: str = "*"
    path: str = "*"
    times: int | None = 1
    seconds: float = 0.0
    retry_after: int | None = 60
    message: str | None = None
    location: str | None = None

    def __post_init__(self) -> None:
        self.kind = FaultKind(self.kind)


@dataclass(slots=True)
class Faults:
    """The faults that are still to be applied, in the order in which they were added.

    Attributes:
        down: the service's database is down.
    """

    waiting: list[Fault] = field(default_factory=list)
    down: bool = False

    def add(self, fault: Fault) -> None:
        """Append a fault."""
        self.waiting.append(fault)

    def clear(self) -> None:
        """Remove all faults and end the outage."""
        self.waiting.clear()
        self.down = False

    def outage(self, active: bool) -> None:
        """Begin or end an outage of the database: while it lasts, every token gets 401 (observed)."""
        self.down = active

    def take(self, method: str, path: str) -> Fault | None:
        """Return the first fault that applies to this request, and count it."""
        for fault in self.waiting:
            if fault.method in ("*", method) and fnmatchcase(path, fault.path):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.waiting.remove(fault)
                return fault
        return None
