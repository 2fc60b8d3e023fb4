"""The repositories that Mogplex can work on."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Final

from pydantic import BaseModel, Field

from mogplex_mcp.api.models import Repo
from mogplex_mcp.reply.model import NextStep, Reply
from mogplex_mcp.reply.untrusted import clean_line, name, word
from mogplex_mcp.tools.call import Call
from mogplex_mcp.tools.toolset import Hints, Toolset
from mogplex_mcp.tools.wording import counted

toolset = Toolset("repos", "Find repositories.")

MOST_REPOS: Final = 200


class RepoRow(BaseModel):
    """One repository; rows of a monorepo share the name and differ in the directory."""

    repo: str
    default_branch: str = ""
    root_directory: str = ""
    id: str


class RepoList(Reply):
    """Repositories."""

    narrow: ClassVar[str] = "Call list_repos with a part of the name as query."
    repos: Sequence[RepoRow] = ()


@toolset.tool("List repositories", Hints())
async def list_repos(
    call: Call,
    query: Annotated[str, Field(description="Part of owner/name; empty: all.")] = "",
    limit: Annotated[int, Field(description="1 to 200.", ge=1, le=MOST_REPOS)] = 50,
) -> RepoList:
    """List the GitHub repositories that Mogplex can work on, to find repo for start_run.

    Rows of a monorepo share a name: pass their id.
    """
    query = query.strip()
    found = await call.tenant.mogplex.list_repos(query=query, limit=limit)
    rows = [_row(repo) for repo in found]
    notes = []
    if len(found) >= limit:
        raised = "" if limit == MOST_REPOS else f" or raise limit (at most {MOST_REPOS})"
        notes.append(f"There may be more, and Mogplex has no pages: narrow the list with query{raised}.")
    if not found:
        notes.append(
            "Try a shorter query." if query else "The user has to connect GitHub on the Mogplex web page first."
        )
    steps = []
    if len(rows) == 1:
        wanted = rows[0].id if found[0].root_directory else name(found[0].full_name, rows[0].id)
        steps.append(NextStep(tool="start_run", arguments={"repo": wanted}, why="let an agent work on it; add prompt"))
    what = f" for {clean_line(query, 60)!r}" if query else ""
    return RepoList(
        summary=f"{counted(len(found), 'repository', 'repositories')}{what}.",
        repos=rows,
        notes=notes,
        untrusted=_unusual(found),
        next_steps=steps,
    )


def _row(repo: Repo) -> RepoRow:
    return RepoRow(
        repo=name(repo.full_name, "(unusual name)"),
        default_branch=name(repo.default_branch or ""),
        root_directory=name(repo.root_directory or ""),
        id=word(repo.id),
    )


def _unusual(repos: Sequence[Repo]) -> dict[str, list[str]]:
    """Names that could be more than names, such as sentences."""
    lines = [
        f"{word(repo.id)}: {clean_line(text, 100)}"
        for repo in repos
        for text in (repo.full_name, repo.default_branch, repo.root_directory)
        if text and not name(text)
    ]
    return {"unusual_names": lines} if lines else {}
