"""Runs all checks, and returns their findings in display order."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import anyio

from mogplex_mcp.config.settings import Settings
from mogplex_mcp.diagnosis import network
from mogplex_mcp.diagnosis.account import (
    check_budget,
    check_hosted_tools,
    check_repos,
    check_scopes,
    check_settings,
    check_token,
    check_tools,
)
from mogplex_mcp.diagnosis.finding import REJECTED, Check, Finding, Status, Subject, run_check
from mogplex_mcp.diagnosis.installed_clients import check_entries, check_waits
from mogplex_mcp.diagnosis.journal import check_journal
from mogplex_mcp.diagnosis.versions import check_release, check_versions
from mogplex_mcp.tenants.services import Services

if TYPE_CHECKING:
    import httpx2


class _Planned(NamedTuple):
    """A check with its name and its timeout in seconds."""

    name: str
    check: Check
    seconds: float


_NETWORK: Final = _Planned("http", network.check_way, 30.0)
_NO_ACTION: Final = "Nothing has to be done."
_SETTINGS: Final = _Planned("settings", check_settings, 5.0)
_TOKEN: Final = _Planned("token", check_token, 15.0)
_JOURNAL: Final = _Planned("journal", check_journal, 10.0)
# Sequential: each makes a request, and the last one reports the budget that they left.
_ACCOUNT: Final = (
    _Planned("scopes", check_scopes, 20.0),
    _Planned("repositories", check_repos, 20.0),
    _Planned("hosted tools", check_hosted_tools, 20.0),
    _Planned("budget", check_budget, 10.0),
)
# Independent of Mogplex, so they run concurrently with the others.
_INDEPENDENT: Final = (
    _Planned("tools", check_tools, 10.0),
    _Planned("waits", check_waits, 10.0),
    _Planned("clients", check_entries, 600.0),
    _Planned("versions", check_versions, 5.0),
    _Planned("release", check_release, 3.0),
)


async def examine(
    settings: Settings, *, offline: bool = False, transport: "httpx2.AsyncBaseTransport | None" = None
) -> list[Finding]:
    """Run all checks for a server with these settings.

    Args:
        settings: The settings of the server.
        offline: Whether to skip the package index.
        transport: The transport of requests to Mogplex instead of the network, for tests.
    """
    services = Services(settings, transport=transport)
    try:
        # First of all, since opening a damaged journal for writing replaces it.
        first = await _run(_JOURNAL, Subject(settings, services, services.own_token(), offline))
        subject = Subject(settings, services, services.own_token(), offline)
        mogplex: list[Finding] = []
        independent: dict[str, Sequence[Finding]] = {}

        async def check_independent(planned: _Planned) -> None:
            independent[planned.name] = await _run(planned, subject)

        async with anyio.create_task_group() as tasks:
            for planned in _INDEPENDENT:
                tasks.start_soon(check_independent, planned)
            mogplex += await _examine_mogplex(subject)
        found = [*mogplex, *first, *(one for planned in _INDEPENDENT for one in independent[planned.name])]
        return [one if one.advice or one.status is Status.OK else replace(one, advice=_NO_ACTION) for one in found]
    finally:
        await services.aclose()


async def _examine_mogplex(subject: Subject) -> list[Finding]:
    """Check the network and the token, and the account if both are usable."""
    findings = [
        *await _run(_SETTINGS, subject),
        *await _run(_TOKEN, subject),
        *await _run(_NETWORK, subject),
    ]
    blocked = "Mogplex is not reachable." if is_unreachable(findings) else ""
    if subject.found.token is None:
        blocked = "there is no valid token."
    for planned in _ACCOUNT:
        if blocked:
            advice = "Correct what failed above, then run this again."
            findings.append(Finding(planned.name, Status.SKIPPED, f"Not known: {blocked}", advice))
            continue
        findings += await _run(planned, subject)
        if findings[-1].fact == REJECTED:
            blocked = REJECTED
    return findings


def is_unreachable(findings: Sequence[Finding]) -> bool:
    """Whether Mogplex is not reachable."""
    return any(one.status is Status.FAILED and one.name in network.STEPS for one in findings)


async def _run(planned: _Planned, subject: Subject) -> Sequence[Finding]:
    return await run_check(planned.name, planned.check, subject, planned.seconds)
