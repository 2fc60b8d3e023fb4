"""Environment variables of a repository's deployment. Values go in and never come out, not even in an error."""

import re
from collections.abc import Sequence
from typing import Annotated, ClassVar, Final, Literal

from pydantic import BaseModel, BeforeValidator, Field

from mogplex_mcp.api.models import EnvVar, Repo
from mogplex_mcp.core.humanize import counted
from mogplex_mcp.core.redaction import find_key
from mogplex_mcp.operations.errors import InvalidArgumentError
from mogplex_mcp.reply.model import NextStep, Reply
from mogplex_mcp.reply.untrusted import clean_line, sanitize_word
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Toolset

toolset = Toolset("env_vars", "Environment variables of a repository's deployment.", by_default=False)

MOST_VALUE_CHARACTERS: Final = 65_536
MOST_KEY_CHARACTERS: Final = 256
_KEY: Final = re.compile(rf"[A-Za-z_][A-Za-z0-9_]{{0,{MOST_KEY_CHARACTERS - 1}}}")
_TIME: Final = re.compile(r"[0-9TZ:.+ -]{1,40}")

Target = Literal["production", "preview", "development"]
_EVERYWHERE: Final[list[Target]] = []

RepoName = Annotated[str, Field(description="owner/name or id.")]
Key = Annotated[str, Field(description="Letters, digits, _; no digit first.")]
# What is no text is replaced before it is checked: an error would quote it.
Value = Annotated[
    str,
    Field(description="Up to 65536 characters, not empty; never shown again.", max_length=MOST_VALUE_CHARACTERS),
    BeforeValidator(lambda value: value if isinstance(value, str) else None),
]


class EnvVarRow(BaseModel):
    """One variable."""

    key: str
    target: Sequence[str] = ()
    kind: str = ""
    updated: str = ""


class EnvVarList(Reply):
    """Variables of a repository, without values."""

    narrow: ClassVar[str] = "The Mogplex web page shows all of them."
    env_vars: Sequence[EnvVarRow] = ()


class EnvVarChange(Reply):
    """What was done to a variable."""

    key: str
    action: str
    count: int | None = None


@toolset.tool("List environment variables", Hints())
async def list_env_vars(call: Call, repo: RepoName) -> EnvVarList:
    """List names, targets and kinds of a repository's environment variables; values cannot be read."""
    found = await call.tenant.mogplex.list_env_vars((await call.tenant.repos.find(repo)).id)
    odd = [clean_line(one.key, 100) for one in found if not _is_usual(one.key)]
    return EnvVarList(
        summary=f"{counted(len(found), 'environment variable')}.",
        env_vars=[_row(one) for one in found],
        untrusted={"unusual_names": odd} if odd else {},
    )


@toolset.tool("Set an environment variable", Hints(reads_only=False, destructive=True))
async def set_env_var(
    call: Call,
    *,
    repo: RepoName,
    key: Key,
    value: Value,
    target: Annotated[list[Target], Field(description="Empty: all.")] = _EVERYWHERE,
    kind: Annotated[
        Literal["default", "encrypted", "plain", "sensitive"], Field(description="How it is kept.")
    ] = "default",
) -> EnvVarChange:
    """Create an environment variable of a repository or overwrite every one of this name.

    The user is asked and shown what changes.
    """
    _check_key(key)
    found = await call.tenant.repos.find(repo)
    there = [one for one in await call.tenant.mogplex.list_env_vars(found.id) if one.key == key]
    kept = "" if kind == "default" else f", kept {kind}"
    new = f"a value of {len(value)} characters for {', '.join(target) or 'all targets'}{kept}"
    call.consent.require(_setting_question(f"{key} of {_named(found)}", new, there))
    done = await call.tenant.mogplex.set_env_var(
        found.id, key, value, target=target, kind="" if kind == "default" else kind
    )
    return EnvVarChange(
        summary=f"{key} was {sanitize_word(done.action, 'set')}.",
        key=key,
        action=sanitize_word(done.action, "set"),
        count=done.updated_count,
        notes=["It takes effect with the next deployment."],
        next_steps=[_list_step(found)],
    )


@toolset.tool("Delete an environment variable", Hints(reads_only=False, destructive=True))
async def delete_env_var(call: Call, repo: RepoName, key: Key) -> EnvVarChange:
    """Delete every environment variable of this name from a repository. The user is asked and shown what goes."""
    _check_key(key)
    found = await call.tenant.repos.find(repo)
    there = [one for one in await call.tenant.mogplex.list_env_vars(found.id) if one.key == key]
    if not there:
        return EnvVarChange(
            summary=f"There is no {key}; nothing was deleted.",
            key=key,
            action="none",
            count=0,
            next_steps=[_list_step(found)],
        )
    call.consent.require(
        f"Delete the environment variable {key} of {_named(found)}, for good? What goes:\n"
        + "\n".join(_line(one) for one in there)
        + "\nIts value cannot be brought back."
    )
    done = await call.tenant.mogplex.delete_env_var(found.id, key)
    count = done.deleted_count
    if count is None:
        summary = f"Mogplex took the request, but did not say whether {key} was deleted."
    else:
        summary = f"{key} was deleted." if count else f"Mogplex found no {key} to delete."
    return EnvVarChange(
        summary=summary,
        key=key,
        action="deleted" if count else "none" if count == 0 else "unknown",
        count=count,
        next_steps=[_list_step(found)],
    )


def _check_key(key: str) -> None:
    if not _KEY.fullmatch(key):
        # It is not quoted: KEY=value is a common slip.
        raise InvalidArgumentError(
            "key must be a name alone: letters, digits and underscores, no digit first, at most "
            f"{MOST_KEY_CHARACTERS} characters"
        )


def _setting_question(variable: str, new: str, there: Sequence[EnvVar]) -> str:
    if not there:
        return f"Create the environment variable {variable} with {new}?"
    listed = "\n".join(_line(one) for one in there)
    return f"Overwrite the environment variable {variable} with {new}? What is there now is lost:\n{listed}"


def _line(one: EnvVar) -> str:
    row = _row(one)
    changed = f", changed {row.updated}" if row.updated else ""
    return f"- for {', '.join(row.target) or 'all targets'}, kept {row.kind or '(unknown)'}{changed}"


def _is_usual(key: str) -> bool:
    """Whether a name can be shown as one: neither a text nor a key in a wrong place."""
    return _KEY.fullmatch(key) is not None and not find_key(key)


def _row(one: EnvVar) -> EnvVarRow:
    updated = str(one.updated_at or "")
    return EnvVarRow(
        key=one.key if _is_usual(one.key) else "(unusual name)",
        target=[sanitize_word(target) for target in one.target],
        kind=sanitize_word(one.type, ""),
        updated=updated if _TIME.fullmatch(updated) else "",
    )


def _named(repo: Repo) -> str:
    return clean_line(repo.full_name or repo.id, 140)


def _list_step(repo: Repo) -> NextStep:
    return NextStep(tool="list_env_vars", arguments={"repo": sanitize_word(repo.id)}, why="see what is there now")
