"""Completions: what may stand for an argument of a prompt or a parameter of a resource, while the user types it.

A help and nothing more: it is quick or empty, and asks Mogplex seldom, whatever is typed.
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
from mogplex_mcp.reply.untrusted import clean_line, sanitize_name, sanitize_word
from mogplex_mcp.server.prompts import Prompts
from mogplex_mcp.server.request_scope import Context, RequestScope
from mogplex_mcp.server.resources import Resources

MOST_VALUES: Final = 100
"""A limit of the protocol."""

LONGEST_SECONDS: Final = 1.5
REMEMBERED_SECONDS: Final = 90.0
# After this, a list that could not be had is asked for again.
AGAIN_SECONDS: Final = 20.0
_MOST_LISTED: Final = 200
_MOST_AUTOMATIONS: Final = 100
_MOST_RUNS: Final = 500


@dataclass(frozen=True)
class Candidate:
    """A value that can be meant.

    Attributes:
        value: What is filled in.
        words: What else it is found by.
    """

    value: str
    words: str = ""


Fetch = Callable[[Mogplex], Awaitable[list[Candidate]]]


class Completions:
    """The completions of one server.

    Args:
        offer: What a request may use, and whose it is.
        resources: The templates whose parameters can be completed.
        prompts: The prompts whose arguments can be completed.
    """

    def __init__(self, offer: RequestScope, resources: Resources, prompts: Prompts) -> None:
        self._offer = offer
        self._resources = resources
        self._prompts = prompts
        self._remembered: WeakKeyDictionary[Mogplex, dict[str, _Remembered]] = WeakKeyDictionary()

    async def complete(self, context: Context, params: mcp_types.CompleteRequestParams) -> mcp_types.CompleteResult:
        """The values that go with what is typed so far; none where Mogplex cannot be asked in time.

        Raises:
            MCPError: There is no such prompt or resource.
        """
        argument = params.argument
        candidates: Sequence[Candidate] = ()
        if argument.name in self._arguments(context, params.ref):
            chosen = params.context.arguments if params.context else None
            candidates = await self._candidates(context, argument.name, (chosen or {}).get("repo", ""))
        values = _matching(candidates, argument.value)
        return mcp_types.CompleteResult(
            completion=mcp_types.Completion(
                values=values[:MOST_VALUES], total=len(values), has_more=len(values) > MOST_VALUES
            )
        )

    def _arguments(
        self, context: Context, reference: mcp_types.PromptReference | mcp_types.ResourceTemplateReference
    ) -> Sequence[str]:
        if isinstance(reference, mcp_types.PromptReference):
            for prompt in self._prompts.kinds(context):
                if prompt.name == reference.name:
                    return [one.name for one in prompt.arguments]
            raise MCPError(mcp_types.INVALID_PARAMS, f"There is no prompt {clean_line(reference.name, 60)!r}.")
        for kind in self._resources.kinds(context):
            if kind.uri == reference.uri:
                return kind.template.variable_names
        raise MCPError(mcp_types.INVALID_PARAMS, f"There is no resource template {clean_line(reference.uri, 100)!r}.")

    async def _candidates(self, context: Context, argument: str, repo: str) -> Sequence[Candidate]:
        """What Mogplex or the journal knows for an argument of this name."""
        if argument == "run_id":
            return [
                Candidate(sanitize_word(entry.run_id, ""), f"{entry.repo} {entry.status} {entry.prompt_line}")
                for entry in await self._offer.known_runs(context, _MOST_RUNS)
            ]
        if argument == "base_branch":
            return [
                Candidate(sanitize_name(entry.base_branch))
                for entry in await self._offer.known_runs(context, _MOST_RUNS)
                if repo.casefold() in ("", entry.repo.casefold(), entry.repo_id)
            ]
        if argument not in _FETCHES or self._offer.whose(context).problem is not None:
            return []
        mogplex = self._offer.open_call(context).tenant.mogplex
        lists = self._remembered.setdefault(mogplex, {})
        return await lists.setdefault(argument, _Remembered()).get(mogplex, _FETCHES[argument])


@dataclass
class _Remembered:
    """A list of Mogplex, asked for at most once in a while."""

    candidates: Sequence[Candidate] = ()
    _fresh_until: float = float("-inf")
    _lock: anyio.Lock = field(default_factory=anyio.Lock)

    async def get(self, mogplex: Mogplex, fetch: Fetch) -> Sequence[Candidate]:
        """The list, or the last one that could be had."""
        with anyio.move_on_after(LONGEST_SECONDS):
            async with self._lock:
                if anyio.current_time() >= self._fresh_until:
                    # Written down first: an attempt that fails or takes too long counts as one.
                    self._fresh_until = anyio.current_time() + AGAIN_SECONDS
                    try:
                        self.candidates = await fetch(mogplex)
                    except MogplexError:
                        return self.candidates
                    self._fresh_until = anyio.current_time() + REMEMBERED_SECONDS
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
    """The values that begin with what is typed, then those that hold it, then those that are found by other words."""
    wanted = typed.strip().casefold()
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
