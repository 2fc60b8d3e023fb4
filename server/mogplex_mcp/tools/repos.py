"""The repositories that Mogplex can work on."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, Field

from mogplex_mcp.api.models import Repo
from mogplex_mcp.core.cleaning import clean_line, sanitize_name, sanitize_word
from mogplex_mcp.core.humanize import counted
from mogplex_mcp.operations import repos
from mogplex_mcp.operations.repos import MOST_REPOS
from mogplex_mcp.reply.model import ListReply, NextStep
from mogplex_mcp.reply.schema import texts
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Toolset

toolset = Toolset("repos", "Find repositories.")

RepoName = Annotated[
    str, Field(description="The repository: owner/name, such as acme/web, or its Mogplex id. list_repos has both.")
]
"""The argument `repo` of tools that work on a repository."""


class RepoRow(BaseModel):
    """One repository; rows of a monorepo share the name and differ in the directory."""

    id: str = Field(description="Mogplex id: give it as repo if names repeat.")
    repo: str = Field(description="owner/name or id: the id where the name is not known.")
    default_branch: str = Field("", description="Branch that runs start from if none is given.")
    root_directory: str = Field("", description="Folder of a monorepo that this entry stands for.")


class RepoList(ListReply):
    """Repositories."""

    narrow: ClassVar[str] = "Call list_repos with a part of the name as query."
    untrusted_schema: ClassVar[Mapping[str, Any]] = {"unusual_names": texts("Names of rows, by id.")}
    repos: tuple[RepoRow, ...] = Field(description="The repositories found: one row for each.")

    @classmethod
    def of(cls, found: Sequence[Repo], **others: Any) -> Self:
        """Return the list of these repositories.

        Args:
            found: The repositories.
            others: Summary, notes and next steps.
        """
        rows = tuple(map(row_of, found))
        return cls(repos=rows, untrusted=_unusual(found, rows), **others)


@toolset.tool("List repositories", Hints(), always_load=True)
async def list_repos(
    call: Call,
    query: Annotated[str, Field(description="Part of owner/name, such as web. Default: all.")] = "",
    limit: Annotated[
        int, Field(description="How many to return at most, 1 to 200. Default: 50.", ge=1, le=MOST_REPOS)
    ] = 50,
) -> RepoList:
    """List the GitHub repositories that Mogplex can work on, to find what to give as repo to other tools.

    Costs one request. Rows of a monorepo share a name and differ in root_directory: give the id.
    """
    return list_reply(await repos.list_repos(call, query=query, limit=limit), limit)


def list_reply(search: repos.RepoSearch, limit: int) -> RepoList:
    """Return the answer to list_repos."""
    found, query = search.repos, search.query
    notes = []
    if search.may_be_more:
        raised = "" if limit == MOST_REPOS else f" or raise limit (at most {MOST_REPOS})"
        notes.append(f"There may be more, and Mogplex has no pages: narrow the list with query{raised}.")
    if not found:
        notes.append(
            "Try a shorter query." if query else "The user has to connect GitHub on the Mogplex web page first."
        )
    steps = []
    if len(found) == 1:
        row = row_of(found[0])
        wanted = row.id if row.root_directory else row.repo
        steps.append(NextStep(tool="start_run", arguments={"repo": wanted}, why="let an agent work on it; add prompt"))
    what = f" for {clean_line(query, 60)!r}" if query else ""
    return RepoList.of(
        found,
        summary=f"{counted(len(found), 'repository', 'repositories')}{what}.",
        notes=notes,
        next_steps=steps,
    )


def row_of(repo: Repo) -> RepoRow:
    """Return a repository as it is shown."""
    own_id = sanitize_word(repo.id)
    return RepoRow(
        id=own_id,
        repo=sanitize_name(repo.full_name, own_id),
        default_branch=sanitize_name(repo.default_branch or ""),
        root_directory=sanitize_name(repo.root_directory or ""),
    )


def _unusual(repos: Sequence[Repo], rows: Sequence[RepoRow]) -> dict[str, list[str]]:
    """Return what the rows do not show as it is: names that could be more than names, such as sentences."""
    lines = [
        f"{row.id}: {clean_line(text, 100)}"
        for repo, row in zip(repos, rows, strict=True)
        for text, shown in (
            (repo.full_name, row.repo),
            (repo.default_branch, row.default_branch),
            (repo.root_directory, row.root_directory),
        )
        if text and text != shown
    ]
    return {"unusual_names": lines} if lines else {}
