"""Environment variables of a repository's deployment. Values go in and never come out, not even in an error.

Only the question shows a new value, to the user who has to confirm it, unless it is a secret.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from mogplex_mcp.api.models import EnvVar, EnvVarDeleted, EnvVarSet, Repo
from mogplex_mcp.core.cleaning import clean_line, sanitize_word
from mogplex_mcp.core.redaction import find_key
from mogplex_mcp.operations.confirmation import is_secret_variable, quote
from mogplex_mcp.operations.context import OperationContext
from mogplex_mcp.operations.errors import Argument, InvalidArgumentError, Operation, listed_by

MOST_VALUE_CHARACTERS: Final = 65_536
MOST_KEY_CHARACTERS: Final = 256
_KEY: Final = re.compile(rf"[A-Za-z_][A-Za-z0-9_]{{0,{MOST_KEY_CHARACTERS - 1}}}")
_MILLISECONDS: Final = 1_000.0
_SECRET_KINDS: Final = ("encrypted", "sensitive")
_PASSWORD_IN_URL: Final = re.compile(r"://[^/\s:@]{0,200}:[^/\s@]{1,200}@")

Target = Literal["production", "preview", "development"]


@dataclass(frozen=True)
class EnvVarSetting:
    """A variable that was set.

    Attributes:
        repo: Its repository.
        result: What Mogplex responded.
    """

    repo: Repo
    result: EnvVarSet


@dataclass(frozen=True)
class EnvVarDeletion:
    """What deleting a variable came to.

    Attributes:
        repo: Its repository.
        result: What Mogplex responded; None when there was no such variable, so that nothing was sent.
    """

    repo: Repo
    result: EnvVarDeleted | None


async def list_env_vars(context: OperationContext, *, repo: str) -> Sequence[EnvVar]:
    """List the variables of a repository, without values.

    Args:
        context: The context of the call.
        repo: `owner/name` or an id.

    Raises:
        MogplexError: The repository could not be found, or Mogplex could not be asked.
    """
    found = await context.tenant.repos.find(repo)
    with listed_by(Operation("list_repos")):
        return await context.tenant.mogplex.list_env_vars(found.id)


async def set_env_var(
    context: OperationContext, *, repo: str, key: str, value: str, target: Sequence[Target] = (), kind: str = ""
) -> EnvVarSetting:
    """Create a variable, or overwrite every one of this name, after the user has confirmed it.

    Args:
        context: The context of the call.
        repo: `owner/name` or an id.
        key: The name of the variable.
        value: Its value, at most `MOST_VALUE_CHARACTERS` long.
        target: The deployments that get it; empty for all.
        kind: "encrypted", "plain" or "sensitive"; empty for what Mogplex chooses.

    Raises:
        InvalidArgumentError: The key cannot be the name of a variable.
        ConsentNeeded: The user has not confirmed it.
        MogplexError: The repository could not be found, or Mogplex refused.
    """
    found, existing = await _existing(context, repo, key)
    kept = f", kept {kind}" if kind else ""
    new = f"{_shown(key, value, kind)} for {', '.join(target) or 'all targets'}{kept}"
    variable = f"the environment variable {key} of {_name(found)}"
    if existing:
        question = f"Overwrite {variable} with {new}? What is there now is lost:\n{_listed(existing)}"
    else:
        question = f"Create {variable} with {new}?"
    context.consent.require(question)
    with listed_by(Operation("list_repos")):
        result = await context.tenant.mogplex.set_env_var(found.id, key, value, target=target, kind=kind)
    return EnvVarSetting(found, result)


async def delete_env_var(context: OperationContext, *, repo: str, key: str) -> EnvVarDeletion:
    """Delete every variable of this name, after the user has confirmed it.

    Args:
        context: The context of the call.
        repo: `owner/name` or an id.
        key: The name of the variable.

    Raises:
        InvalidArgumentError: The key cannot be the name of a variable.
        ConsentNeeded: The user has not confirmed it.
        MogplexError: The repository could not be found, or Mogplex refused.
    """
    found, existing = await _existing(context, repo, key)
    if not existing:
        return EnvVarDeletion(found, None)
    context.consent.require(
        f"Delete the environment variable {key} of {_name(found)}, for good? What goes:\n{_listed(existing)}\n"
        "Its value cannot be brought back."
    )
    with listed_by(Operation("list_env_vars", {"repo": found.id}), ("repo", Operation("list_repos"))):
        return EnvVarDeletion(found, await context.tenant.mogplex.delete_env_var(found.id, key))


def is_usual_key(key: str) -> bool:
    """Return whether a name can be shown as one: it is neither a sentence nor an API key in a wrong place."""
    return _KEY.fullmatch(key) is not None and not find_key(key)


def changed_at(one: EnvVar) -> datetime | None:
    """Return when a variable was changed; None if Mogplex sent neither milliseconds since the epoch nor ISO 8601."""
    try:
        if isinstance(one.updated_at, int):
            return datetime.fromtimestamp(one.updated_at / _MILLISECONDS, UTC)
        time = datetime.fromisoformat(one.updated_at or "")
        return time.replace(tzinfo=time.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


async def _existing(context: OperationContext, repo: str, key: str) -> tuple[Repo, list[EnvVar]]:
    """Return a repository and its variables of one name."""
    if not _KEY.fullmatch(key):
        # The key is not quoted: KEY=value is a common slip.
        raise InvalidArgumentError(
            Argument("key"),
            " must be a name alone: letters, digits and underscores, no digit first, at most "
            f"{MOST_KEY_CHARACTERS} characters",
        )
    found = await context.tenant.repos.find(repo)
    with listed_by(Operation("list_repos")):
        listed = await context.tenant.mogplex.list_env_vars(found.id)
    return found, [one for one in listed if one.key == key]


def _shown(key: str, value: str, kind: str) -> str:
    """Return a new value for the question; only its length if it is secret by its kind, name or form."""
    is_secret = kind in _SECRET_KINDS or is_secret_variable(key) or find_key(value) or _PASSWORD_IN_URL.search(value)
    return f"a value of {len(value)} characters" if is_secret else f"the value {quote(value)}"


def _listed(existing: Sequence[EnvVar]) -> str:
    return "\n".join(map(_line, existing))


def _line(one: EnvVar) -> str:
    targets = ", ".join(sanitize_word(target) for target in one.target) or "all targets"
    changed = f", changed {time:%Y-%m-%dT%H:%M:%SZ}" if (time := changed_at(one)) else ""
    return f"- for {targets}, kept {sanitize_word(one.type, '') or '(unknown)'}{changed}"


def _name(repo: Repo) -> str:
    return clean_line(repo.full_name or repo.id, 140)
