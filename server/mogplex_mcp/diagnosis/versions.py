"""Check the installed versions, and whether there is a newer release."""

import platform
import re
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from mogplex_mcp import __version__
from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.api.transport import create_transport
from mogplex_mcp.diagnosis.finding import Finding, Status, Subject

RELEASES: Final = "https://pypi.org/pypi/mogplex-mcp/json"
_PACKAGES: Final = ("mcp", "httpx2", "pydantic", "anyio", "keyring")
_NOT_FOUND: Final = 404
_FOUND: Final = 200
_RELEASE: Final = re.compile(r"\d+(?:\.\d+){0,5}")


async def check_versions(_: Subject) -> Sequence[Finding]:
    """Report the versions of this program, its main packages and Python."""
    packages = [f"{name} {found}" for name in _PACKAGES if (found := _installed(name))]
    runs_on = f"Python {platform.python_version()} ({sys.platform})"
    return [Finding("versions", Status.OK, f"mogplex-mcp {__version__}; {', '.join(packages)}; {runs_on}.")]


async def check_release(subject: Subject) -> Sequence[Finding]:
    """Ask the package index for the latest release; it learns no more than this package's name."""
    if subject.offline:
        return [Finding("release", Status.SKIPPED, "Not asked (--offline).", "Leave out --offline to ask.")]
    from mogplex_mcp.api.exchange import build_request, send  # noqa: PLC0415 - only for what goes over the network

    try:
        async with create_transport(RELEASES) as transport:
            answer = await send(transport, build_request("GET", RELEASES))
    except MogplexError as error:
        return [_unknown(error.message)]
    if answer.status == _NOT_FOUND:
        return [_unknown("mogplex-mcp is not published on pypi.org.")]
    try:
        latest = str(answer.json()["info"]["version"]) if answer.status == _FOUND else ""
    except (MogplexError, KeyError, TypeError):
        latest = ""
    return [release_finding(latest)]


def release_finding(latest: str) -> Finding:
    """Compare the latest release with this one; "" if it isn't known."""
    theirs, own = _RELEASE.match(latest), _RELEASE.match(__version__)
    if not theirs or not own:
        return _unknown("The package index did not say.")
    if _numbers(theirs.group()) > _numbers(own.group()):
        advice = "Update it with what installed it: `uv tool upgrade mogplex-mcp`, `pipx upgrade mogplex-mcp` or pip."
        if sys.platform == "win32":
            advice += " Quit your clients first: Windows does not replace a program that runs."
        return Finding("release", Status.WARNING, f"{theirs.group()} is out.", advice)
    return Finding("release", Status.OK, f"{__version__} is the latest.")


def _unknown(reason: str) -> Finding:
    return Finding(
        "release", Status.SKIPPED, f"Whether there is a newer one is not known. {reason}", "Try again later."
    )


def _numbers(text: str) -> list[int]:
    numbers = [int(part) for part in text.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
