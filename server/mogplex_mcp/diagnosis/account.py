"""Checks of the token: its source, scopes, repositories, request budget and hosted tools."""

from collections.abc import Sequence
from typing import Final

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.api.budget import UNITS_PER_MINUTE
from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.api.errors import ErrorCode
from mogplex_mcp.api.scopes import detect_scopes
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.cleaning import clean_line, sanitize_name
from mogplex_mcp.core.humanize import counted
from mogplex_mcp.credentials.sources import FoundToken, sources
from mogplex_mcp.diagnosis.finding import Finding, Status, Subject, renewal
from mogplex_mcp.tenants.services import Services
from mogplex_mcp.tools.hosted_equivalents import hosted_equivalents

MOST_REPOS: Final = 200
_MOST_NAMES: Final = 5
_SHOWN_END: Final = 4
_LONGEST_NAME: Final = 60


async def describe(settings: Settings, token: Token) -> str:
    """Describe the scopes and the repositories of a token in sentences.

    Raises:
        MogplexError: Mogplex rejects the token, or can't be reached.
    """
    services, found = Services(settings), FoundToken(token, "the user")
    try:
        mogplex = services.tenants.of(found).mogplex
        scopes = _scopes_finding(await detect_scopes(mogplex), found, settings)
        repos = await _repos_finding(mogplex, settings)
    finally:
        await services.aclose()
    return " ".join(part for one in (scopes, repos) for part in (one.fact, one.advice) if part)


async def check_tools(subject: Subject) -> Sequence[Finding]:
    """Report how many tools the settings of this shell select, and what their list costs a model."""
    # Definitions take long to build, and nothing else here needs them.
    from mogplex_mcp.toolkit.tool_selection import offered_tools  # noqa: PLC0415 - see above
    from mogplex_mcp.toolkit.toolset import list_size  # noqa: PLC0415 - see above
    from mogplex_mcp.tools.catalog import TOOLSETS  # noqa: PLC0415 - see above

    tools = offered_tools(TOOLSETS, subject.settings)
    size = list_size(tool.definition for tool in tools)
    fact = f"{counted(len(tools), 'tool')}; a model reads about {round(size.read, -2):,} tokens of them."
    return [Finding("tools", Status.OK, f"{fact} With output schemas, the list has {round(size.message, -2):,}.")]


async def check_token(subject: Subject) -> Sequence[Finding]:
    """Check whether there is a token, and where it came from."""
    found = subject.found
    if found.token is None:
        why = found.problem.message if found.problem else "No token was found."
        advice = "Run `mogplex-mcp login`."
        if found.problem and found.problem.code is ErrorCode.MALFORMED_TOKEN:
            advice = f"It may be truncated: {renewal(found, subject.settings, 'copy it again from')}."
        return [Finding("token", Status.FAILED, why, advice)]
    kind = found.kind_of_token
    if not found.token.is_oauth:
        kind += found.token.value[-_SHOWN_END:]
    elif found.grant and found.grant.scopes:
        kind += f", with {found.grant.shown_scopes}"
    fact = f"{kind}, from {found.source}."
    unused = [] if subject.settings.demo else [one for one in sources(subject.settings) if one != found.source]
    if unused:
        fact += f" Not used: {' and '.join(unused)}."
    return [Finding("token", Status.WARNING if found.warning else Status.OK, fact, found.warning)]


async def check_settings(subject: Subject) -> Sequence[Finding]:
    """Check the settings of this shell; report those that are invalid or were not filled in."""
    settings = subject.settings
    refused = [(Status.FAILED, one, "Correct it: until then, a server runs no tool.") for one in settings.refusals]
    noted = [(Status.WARNING, one, "Correct it, or leave it out.") for one in settings.warnings]
    return [
        Finding("settings", status, reason, advice)
        for status, reason, advice in [*refused, *noted[: len(noted) - len(refused)]]
    ]


async def check_scopes(subject: Subject) -> Sequence[Finding]:
    """Check the scopes of the token, as far as read-only requests show them."""
    return [_scopes_finding(await detect_scopes(_mogplex(subject)), subject.found, subject.settings)]


async def check_repos(subject: Subject) -> Sequence[Finding]:
    """Check which repositories the token can access."""
    return [await _repos_finding(_mogplex(subject), subject.settings)]


async def check_budget(subject: Subject) -> Sequence[Finding]:
    """Check the remaining request budget of the token."""
    usage = await subject.services.tenants.of(subject.found).budget.usage()
    left = max(0, UNITS_PER_MINUTE - usage.units)
    fact = f"{left} of {UNITS_PER_MINUTE} requests are left in this minute, for all clients together."
    if usage.problem:
        advice = (
            "Requests are counted in this process only, so concurrent clients can exceed the limit: see the journal."
        )
        return [Finding("budget", Status.WARNING, fact, advice)]
    if usage.paused_seconds or not left:
        advice = f"Wait {usage.paused_seconds or 60:.0f} seconds; fewer concurrent clients need fewer requests."
        return [Finding("budget", Status.WARNING, fact, advice)]
    return [Finding("budget", Status.OK, fact)]


async def check_hosted_tools(subject: Subject) -> Sequence[Finding]:
    """Check for hosted tools without a native equivalent."""
    listed = await subject.services.tenants.of(subject.found).hosted.listed()
    more = sorted(clean_line(one, _LONGEST_NAME) for one in listed if one not in hosted_equivalents())
    if not more:
        return [Finding("hosted tools", Status.OK, f"All {len(listed)} have a native equivalent.")]
    fact = f"{counted(len(more), 'hosted tool')} without a native equivalent: {_some(more)}."
    return [Finding("hosted tools", Status.OK, fact, "call_hosted_tool calls them; a newer release may know them.")]


def _mogplex(subject: Subject) -> Mogplex:
    return subject.services.tenants.of(subject.found).mogplex


def _scopes_finding(scopes: Sequence[str], found: FoundToken, settings: Settings) -> Finding:
    missing = [one for one in ("read", "write") if one not in scopes]
    if not missing:
        return Finding("scopes", Status.OK, "It has the scopes read and write.")
    lost = "Runs cannot be started or cancelled with it" if "write" in missing else "Agents and models are not listed"
    return Finding(
        "scopes",
        Status.WARNING,
        f"It has the scope {scopes[0]} only." if scopes else "It has neither the scope read nor write.",
        f"{lost}: {renewal(found, settings, 'create one with both at')}.",
    )


async def _repos_finding(mogplex: Mogplex, settings: Settings) -> Finding:
    repos = await mogplex.list_repos(limit=MOST_REPOS)
    owners = sorted({sanitize_name(repo.full_name.partition("/")[0]) for repo in repos} - {""})
    if not repos:
        advice = f"Connect GitHub and choose repositories at {web_url(settings.base_url)}."
        return Finding("repositories", Status.WARNING, "The token can access no repositories.", advice)
    number = f"{len(repos)} repositories" if len(repos) != 1 else "1 repository"
    more = " or more" if len(repos) == MOST_REPOS else ""
    return Finding(
        "repositories", Status.OK, f"The token can access {number}{more} of {_some(owners) or 'unnamed owners'}."
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
