"""`mogplex-mcp repos`: the repositories that Mogplex can work on."""

from argparse import Namespace

from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.cli.session import Session, in_terminal
from mogplex_mcp.cli.terminal.records import repo_record
from mogplex_mcp.tools.repos import RepoList


@in_terminal
async def list_repos(session: Session, given: Namespace) -> int:
    """List repositories."""
    found = await session.caller.ask_for(RepoList, "list_repos", query=given.query, limit=given.limit)
    rows = found.rows()
    session.output.listed(
        found,
        [repo_record(row) for row in rows],
        ("repo", "branch", "directory", "id"),
        [(row["repo"], row["default_branch"], row["root_directory"], row["id"]) for row in rows],
        whole=("repo", "id"),
    )
    return ExitCode.OK
