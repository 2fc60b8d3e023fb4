"""Repositories: list them, and queue a review of one's pull request."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.api.models import Repo, ReviewRerun
from mogplex_mcp.api.repos import full_name
from mogplex_mcp.operations.context import OperationContext
from mogplex_mcp.operations.errors import Operation, check_range, listed_by, not_repeatable

MOST_REPOS: Final = 200
"""The largest `limit` of the API, which has no pagination for repositories (mogplex-api.md, section 2, "Lists")."""


@dataclass(frozen=True)
class RepoSearch:
    """Repositories that match a query.

    Attributes:
        query: A part of owner/name; empty for all.
        repos: The repositories.
        may_be_more: Whether the limit was reached.
    """

    query: str
    repos: Sequence[Repo]
    may_be_more: bool


async def list_repos(context: OperationContext, *, query: str = "", limit: int = 50) -> RepoSearch:
    """List the repositories that are connected to Mogplex.

    Args:
        context: The context of the call.
        query: A part of owner/name; empty for all.
        limit: 1 to `MOST_REPOS`.

    Raises:
        InvalidArgumentError: The limit is out of range.
        MogplexError: The request failed.
    """
    check_range(limit, "limit", 1, MOST_REPOS)
    query = full_name(query)
    found = await context.tenant.mogplex.list_repos(query=query, limit=limit)
    return RepoSearch(query, found, may_be_more=len(found) >= limit)


async def repo_names(context: OperationContext, ids: Collection[str]) -> Mapping[str, str]:
    """Return owner/name of repositories by id, as far as they can be read: a list of other things needs no more."""
    try:
        return await context.tenant.repos.names(ids)
    except MogplexError:
        return {}


async def rerun_pr_review(context: OperationContext, *, repo: str, pr_number: int) -> ReviewRerun:
    """Queue one more review of a pull request, which costs money each time.

    Args:
        context: The context of the call.
        repo: `owner/name` or an id.
        pr_number: The number of the pull request.

    Raises:
        MogplexError: The repository could not be found, or Mogplex refused.
    """
    found = await context.tenant.repos.find(repo)
    with (
        listed_by(Operation("list_repos")),
        not_repeatable("The pull request itself shows whether a new review has begun; each call queues one more."),
    ):
        return await context.tenant.mogplex.rerun_pr_review(found.id, pr_number)
