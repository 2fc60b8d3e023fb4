"""Completions of a prompt's arguments and a resource's parameters while the user types them.

They are best effort: quick or empty, and with few requests to Mogplex whatever is typed.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

import anyio
import mcp_types
from mcp.shared.exceptions import MCPError

from mogplex_mcp.api.client import Mogplex
from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.api.identifiers import without_quotes
from mogplex_mcp.api.repos import full_name
from mogplex_mcp.core.cleaning import clean_line, sanitize_name, sanitize_word
from mogplex_mcp.server.prompts import offered_prompts, unknown_prompt
from mogplex_mcp.server.request_scope import RequestScope
from mogplex_mcp.server.resources import offered_resources

MOST_VALUES: Final = 100
"""A limit of the protocol (MCP specification, "Completion")."""

LONGEST_SECONDS: Final = 1.5
CACHE_SECONDS: Final = 90.0
# After a failure, the list is requested again no sooner than this.
RETRY_SECONDS: Final = 20.0
_MOST_LISTED: Final = 200
_MOST_AUTOMATIONS: Final = 100
_MOST_RUNS: Final = 500


@dataclass(frozen=True)
class Candidate:
    """A value that is proposed.

    Attributes:
        value: The text that is filled in.
        words: Other text by which it is found.
    """

    value: str
    words: str = ""


Fetch = Callable[[Mogplex], Awaitable[list[Candidate]]]


class Completions:
    """The completions of one server."""

    def __init__(self) -> None:
        self._cached: WeakKeyDictionary[Mogplex, dict[str, _CachedList]] = WeakKeyDictionary()

    async def complete(self, scope: RequestScope, params: mcp_types.CompleteRequestParams) -> mcp_types.CompleteResult:
        """Return the values that match the text typed so far; none where Mogplex does not respond in time.

        Raises:
            MCPError: There is no such prompt or resource.
        """
        argument = params.argument
        candidates: Sequence[Candidate] = ()
        if argument.name in self._arguments(scope, params.ref):
            chosen = params.context.arguments if params.context else None
            candidates = await self._candidates(scope, argument.name, full_name((chosen or {}).get("repo", "")))
        values = _matching(candidates, argument.value)
        return mcp_types.CompleteResult(
            completion=mcp_types.Completion(
                values=values[:MOST_VALUES], total=len(values), has_more=len(values) > MOST_VALUES
            )
        )

    def _arguments(
        self, scope: RequestScope, reference: mcp_types.PromptReference | mcp_types.ResourceTemplateReference
    ) -> Sequence[str]:
        if isinstance(reference, mcp_types.PromptReference):
            prompts = {prompt.name: prompt for prompt in offered_prompts(scope)}
            if reference.name in prompts:
                return [one.name for one in prompts[reference.name].arguments]
            raise MCPError(mcp_types.INVALID_PARAMS, unknown_prompt(reference.name, list(prompts)))
        for kind in offered_resources(scope):
            if kind.uri == reference.uri:
                return kind.template.variable_names
        raise MCPError(mcp_types.INVALID_PARAMS, f"There is no resource template {clean_line(reference.uri, 100)!r}.")

    async def _candidates(self, scope: RequestScope, argument: str, repo: str) -> Sequence[Candidate]:
        """Return the values for an argument of this name, from Mogplex or the journal."""
        if argument == "run_id":
            return [
                Candidate(sanitize_word(entry.run_id, ""), f"{entry.repo} {entry.status} {entry.prompt_line}")
                for entry in await scope.known_runs(_MOST_RUNS)
            ]
        if argument == "base_branch":
            return [
                Candidate(sanitize_name(entry.base_branch))
                for entry in await scope.known_runs(_MOST_RUNS)
                if repo.casefold() in ("", entry.repo.casefold(), entry.repo_id)
            ]
        if argument not in _FETCHES or scope.caller.problem is not None:
            return []
        mogplex = scope.tenant.mogplex
        lists = self._cached.setdefault(mogplex, {})
        return await lists.setdefault(argument, _CachedList()).get(mogplex, _FETCHES[argument])


@dataclass
class _CachedList:
    """A list from Mogplex, requested again only when it is out of date."""

    candidates: Sequence[Candidate] = ()
    _fresh_until: float = float("-inf")
    _lock: anyio.Lock = field(default_factory=anyio.Lock)

    async def get(self, mogplex: Mogplex, fetch: Fetch) -> Sequence[Candidate]:
        """Return the list, or the last one that arrived in time."""
        with anyio.move_on_after(LONGEST_SECONDS):
            async with self._lock:
                if anyio.current_time() >= self._fresh_until:
                    # Set first, so that an attempt which fails or takes too long counts too.
                    self._fresh_until = anyio.current_time() + RETRY_SECONDS
                    try:
                        self.candidates = await fetch(mogplex)
                    except MogplexError:
                        return self.candidates
                    self._fresh_until = anyio.current_time() + CACHE_SECONDS
        return self.candidates


async def _repos(mogplex: Mogplex) -> list[Candidate]:
    return [Candidate(sanitize_name(repo.full_name)) for repo in await mogplex.list_repos(limit=_MOST_LISTED)]


async def _sandboxes(mogplex: Mogplex) -> list[Candidate]:
    return [
        Candidate(sanitize_word(one.id, ""), f"{one.working_branch} {one.status}")
        for one in await mogplex.list_sandboxes(limit=_MOST_LISTED)
    ]


async def _automations(mogplex: Mogplex) -> list[Candidate]:
    page = await mogplex.list_automations(limit=_MOST_AUTOMATIONS)
    return [Candidate(sanitize_word(one.id, ""), one.name) for one in page.automations]


_FETCHES: Final[dict[str, Fetch]] = {"repo": _repos, "sandbox_id": _sandboxes, "automation_id": _automations}


def _matching(candidates: Iterable[Candidate], typed: str) -> list[str]:
    """Return the values that begin with the typed text, then those that contain it, then those found by their words."""
    wanted = without_quotes(typed).casefold()
    ranked: tuple[list[str], ...] = ([], [], [])
    for one in candidates:
        value = one.value.casefold()
        if value.startswith(wanted):
            ranked[0].append(one.value)
        elif wanted in value:
            ranked[1].append(one.value)
        elif wanted in one.words.casefold():
            ranked[2].append(one.value)
    return [value for value in dict.fromkeys(value for rank in ranked for value in rank) if value]
