"""`mogplex-mcp repos`: list the repositories connected to Mogplex."""

from argparse import Namespace

from mogplex_mcp.api.models import Repo
from mogplex_mcp.cli.exit_codes import ExitCode
from mogplex_mcp.cli.session import Session, in_terminal
from mogplex_mcp.core.cleaning import clean_line, sanitize_name, sanitize_word
from mogplex_mcp.operations import repos

_NAME_CHARACTERS = 200


@in_terminal
async def list_repos(session: Session, given: Namespace) -> int:
    """List repositories."""
    limit = 50 if given.limit is None else given.limit
    session.refuse_secrets(**{"--query": given.query})
    found = await session.perform(
        "list_repos", lambda context: repos.list_repos(context, query=given.query or "", limit=limit)
    )
    notes = []
    if not found.repos:
        notes.append("No repository matches. " if found.query else "No repositories. ")
        notes[0] += "Try a shorter --query." if found.query else "Connect GitHub on the Mogplex web site first."
    if found.may_be_more:
        raised = f" or raise --limit (at most {repos.MOST_REPOS})" if limit < repos.MOST_REPOS else ""
        notes.append(f"There may be more: filter with --query{raised}.")
    session.output.listed(
        [_record(repo) for repo in found.repos],
        ("repo", "branch", "directory", "id"),
        [
            (_name(repo.full_name), _name(repo.default_branch), _name(repo.root_directory), sanitize_word(repo.id))
            for repo in found.repos
        ],
        notes=notes,
        whole=("repo", "id"),
    )
    return ExitCode.OK


def _record(repo: Repo) -> dict[str, str | None]:
    """Return a repository with the field names of Mogplex's own command line."""
    return {
        "id": sanitize_word(repo.id),
        "full_name": _name(repo.full_name),
        "default_branch": _name(repo.default_branch) or None,
        "root_directory": _name(repo.root_directory) or None,
    }


def _name(text: str | None) -> str:
    return sanitize_name(text or "") or clean_line(text or "", _NAME_CHARACTERS)
