"""Translate errors of the HTTP library into errors that callers can act on, in words that quote no other side."""

import errno
import re
import socket
import ssl
from collections.abc import Iterator

import httpx2

from mogplex_mcp.api.certificates import find_certificate_problem
from mogplex_mcp.api.errors import Blame, ErrorCode, MogplexError
from mogplex_mcp.core.cleaning import clean_line

# How the library's messages about a connection that was closed begin.
_CLOSED = ("Server disconnected", "peer closed connection")
_PROXY_STATUS = re.compile(r"\d{3}\b")
_WANTS_LOGIN = "407"


def transport_error(error: Exception, host: str, proxy: str = "") -> MogplexError:
    """Return what a failure of the transport means; `may_have_happened` is True if the request may have been received.

    Args:
        error: An `httpx2.TransportError`, an `OSError` such as `ssl.SSLError`, or a `UnicodeError` of a host name.
        host: The host that the request was for.
        proxy: The proxy on the way, if there is one, as `ProxySetting.name`.
    """
    there = f"{host} through the proxy {proxy}" if proxy else host
    match error:
        case httpx2.ProxyError():
            text = f"The proxy did not connect to {host}: {_proxy_reason(error)}."
            text += f" The proxy is {proxy}." if proxy else ""
            return MogplexError(ErrorCode.UNREACHABLE, text, blame=Blame.PROXY)
        case httpx2.ConnectTimeout():
            code, text = ErrorCode.UNREACHABLE, f"{there} did not accept a connection in time."
        case httpx2.PoolTimeout():
            code = ErrorCode.TIMED_OUT
            text = f"No connection to {host} became free: too many requests are under way."
        case httpx2.ConnectError() | UnicodeError():
            code, text = _connect_failure(error, there)
        case httpx2.TimeoutException():
            code, text = ErrorCode.TIMED_OUT, f"{there} stopped answering."
        case _:
            code, text = ErrorCode.CONNECTION_LOST, f"The connection to {there} broke: {_broken_reason(error)}."
    was_sent = not isinstance(error, httpx2.ConnectTimeout | httpx2.PoolTimeout | httpx2.ConnectError | UnicodeError)
    return MogplexError(code, text, may_have_happened=was_sent)


def _proxy_reason(error: httpx2.ProxyError) -> str:
    """Return why the proxy is to blame, from what it responded with or from what went wrong on the way to it."""
    if status := _PROXY_STATUS.match(str(error)):
        wanted = ", since it wants a user name and password" if status[0] == _WANTS_LOGIN else ""
        return f"it answered {status[0]}{wanted}"
    causes = list(_causes(error))
    if reason := next(filter(None, map(_proxy_failure, causes)), ""):
        return reason
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "it does not speak TLS there, so that its address may have to begin with http://"
    return "it could not be reached" if any(isinstance(one, httpx2.ConnectError) for one in causes) else "it refused"


def _proxy_failure(cause: BaseException) -> str:
    match cause:
        case ssl.SSLCertVerificationError():
            return f"its certificate was not accepted ({_verification(cause)}){_problem_of_trust()}"
        case socket.gaierror() | UnicodeError():
            return "its name could not be resolved"
        case OSError() if _is_refusal(cause):
            return "the connection to it was refused"
        case httpx2.ConnectTimeout():
            return "it did not accept a connection in time"
        case httpx2.TimeoutException():
            return "it did not answer in time"
    return ""


def _broken_reason(error: Exception) -> str:
    if not isinstance(error, httpx2.ProtocolError):
        return "it was reset"
    return "it was closed before the answer was whole" if str(error).startswith(_CLOSED) else "the answer is not HTTP"


def _connect_failure(error: Exception, host: str) -> tuple[ErrorCode, str]:
    """Return code and text for the cause of an error that the operating system or TLS reported."""
    said = _text(str(error)) or "it was closed at once"
    causes = list(_causes(error))
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError():
                return ErrorCode.TLS_FAILED, (
                    f"The certificate of {host} was not accepted: {_verification(cause)}. "
                    "If a company proxy inspects TLS, add its certificate to the trust store of this system "
                    f"(on Linux also by SSL_CERT_FILE); check the clock as well{_problem_of_trust()}."
                )
            case socket.gaierror() | UnicodeError():
                return ErrorCode.UNREACHABLE, f"The name {host} could not be resolved."
            case OSError() if _is_refusal(cause):
                return ErrorCode.UNREACHABLE, f"{host} could not be reached: the connection was refused."
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return ErrorCode.TLS_FAILED, (
            f"No TLS connection to {host} could be made: {said}. "
            "Check that the address and port speak https, and proxies on the way."
        )
    return ErrorCode.UNREACHABLE, f"{host} could not be reached: {said}."


def _verification(error: ssl.SSLCertVerificationError) -> str:
    # Errors of truststore have a text only.
    return _text(getattr(error, "verify_message", "") or str(error)) or "no reason was given"


def _text(text: str) -> str:
    # "()" is the text of an `ssl.SSLError` without arguments.
    return "" if text == "()" else clean_line(text, 120).rstrip(".")


def _problem_of_trust() -> str:
    problem = find_certificate_problem()
    return f". {problem.rstrip('.')}" if problem else ""


def _is_refusal(error: OSError) -> bool:
    """Return whether no process listens there. Of several addresses Python 3.11 makes one error with only a text."""
    return isinstance(error, ConnectionRefusedError) or f"[Errno {errno.ECONNREFUSED}]" in str(error)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error, what caused it, and so on; what happened in parallel as well."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
