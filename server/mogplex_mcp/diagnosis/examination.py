"""All checks, in the order in which they are shown."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import anyio

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.diagnosis import network
from mogplex_mcp.diagnosis.account import check_budget, check_hosted_tools, check_repos, check_scopes, check_token
from mogplex_mcp.diagnosis.clients import check_entries, check_waits
from mogplex_mcp.diagnosis.finding import REFUSED, Check, Finding, Status, Subject, run_check
from mogplex_mcp.diagnosis.journal import check_journal
from mogplex_mcp.diagnosis.versions import check_release, check_versions
from mogplex_mcp.tenants.services import Services

if TYPE_CHECKING:
    import httpx2


class _Planned(NamedTuple):
    """A check with its name and the seconds that it may take."""

    name: str
    check: Check
    seconds: float


_WAY: Final = _Planned("http", network.check_way, 30.0)
_TOKEN: Final = _Planned("token", check_token, 15.0)
_JOURNAL: Final = _Planned("journal", check_journal, 10.0)
# One after the other: each of them is a request, and the last one tells what they left of the minute.
_ACCOUNT: Final = (
    _Planned("scopes", check_scopes, 20.0),
    _Planned("repositories", check_repos, 20.0),
    _Planned("hosted tools", check_hosted_tools, 20.0),
    _Planned("budget", check_budget, 10.0),
)
# They have nothing to do with Mogplex, and run beside the others.
_APART: Final = (
    _Planned("waits", check_waits, 10.0),
    _Planned("clients", check_entries, 600.0),
    _Planned("versions", check_versions, 5.0),
    _Planned("release", check_release, 3.0),
)


async def examine(
    settings: Settings, *, offline: bool = False, transport: "httpx2.AsyncBaseTransport | None" = None
) -> list[Finding]:
    """Look at everything that a server with these settings needs.

    Args:
        settings: The user's choices.
        offline: Whether the package index is left alone.
        transport: What requests to Mogplex go through instead of the network, for tests.
    """
    bridge = Services(settings, transport=transport)
    try:
        # It must be seen before anything opens it: a damaged file is then set aside.
        first = await _run(_JOURNAL, Subject(settings, bridge, bridge.own_token(), offline))
        subject = Subject(settings, bridge, bridge.own_token(), offline)
        mogplex: list[Finding] = []
        apart: dict[str, Sequence[Finding]] = {}

        async def look_apart(planned: _Planned) -> None:
            apart[planned.name] = await _run(planned, subject)

        async with anyio.create_task_group() as tasks:
            for planned in _APART:
                tasks.start_soon(look_apart, planned)
            mogplex += await _examine_mogplex(subject)
        return [*mogplex, *first, *(one for planned in _APART for one in apart[planned.name])]
    finally:
        await bridge.aclose()


async def _examine_mogplex(subject: Subject) -> list[Finding]:
    """The way to Mogplex, and what it says of the token if both are there."""
    findings = [*await _run(_TOKEN, subject), *await _run(_WAY, subject)]
    blocked = "Mogplex cannot be reached." if is_unreachable(findings) else ""
    if subject.found.token is None:
        blocked = "there is no token."
    for planned in _ACCOUNT:
        if blocked:
            findings.append(Finding(planned.name, Status.SKIPPED, f"Not known: {blocked}"))
            continue
        findings += await _run(planned, subject)
        if findings[-1].fact == REFUSED:
            blocked = REFUSED
    return findings


def is_unreachable(findings: Sequence[Finding]) -> bool:
    """Whether there is no way to Mogplex."""
    return any(one.status is Status.FAILED and one.name in network.STEPS for one in findings)


async def _run(planned: _Planned, subject: Subject) -> Sequence[Finding]:
    return await run_check(planned.name, planned.check, subject, planned.seconds)
