"""Prompts: their definitions, the validation of their arguments, and the handlers of `prompts/*`."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import mcp_types
from mcp.shared.exceptions import MCPError

from mogplex_mcp.api.errors import MogplexError
from mogplex_mcp.api.identifiers import canonical_uuid, check_uuid, id_in_page, without_quotes
from mogplex_mcp.api.repos import full_name
from mogplex_mcp.core.cleaning import clean, clean_line, sanitize_name
from mogplex_mcp.operations.errors import InvalidArgumentError
from mogplex_mcp.server import prompt_texts
from mogplex_mcp.server.request_params import check_cursor
from mogplex_mcp.server.request_scope import RequestScope
from mogplex_mcp.toolkit.arguments import unknown_name
from mogplex_mcp.toolkit.errors import sentence
from mogplex_mcp.toolkit.unknown_arguments import sort_arguments

LONGEST_WORDS: Final = 20_000


class _UnusableError(ValueError):
    """An argument is invalid; the message says what it must be."""


def _repo(text: str) -> str:
    checked = canonical_uuid(text, "repo") or sanitize_name(full_name(text))
    if not checked:
        raise _UnusableError("must be owner/name or an id, as list_repos shows it")
    return checked


def _branch(text: str) -> str:
    checked = sanitize_name(without_quotes(text))
    if not checked:
        raise _UnusableError("must be the name of a branch")
    return checked


def _run_id(text: str) -> str:
    try:
        return check_uuid(text, "run_id")
    except MogplexError:
        raise _UnusableError("must be the id of a run, a UUID, as list_runs shows it") from None


def _words(text: str) -> str:
    if len(text) > LONGEST_WORDS:
        raise _UnusableError(f"must have at most {LONGEST_WORDS} characters, but has {len(text)}")
    cleaned = clean(text, LONGEST_WORDS)
    if not cleaned:
        raise _UnusableError("must not be empty")
    return cleaned


@dataclass(frozen=True)
class Argument:
    """An argument of a prompt.

    Attributes:
        name: Its name.
        description: What it is, for people.
        read: Parses the text that was typed, or raises ValueError with what it must be.
        required: Whether the prompt needs it.
        default: The text that stands for an empty one.
    """

    name: str
    description: str
    read: Callable[[str], str]
    required: bool = True
    default: str = ""


@dataclass(frozen=True)
class Prompt:
    """One prompt.

    Attributes:
        name: The name for programs.
        title: The name for people.
        description: What it does.
        arguments: The arguments that it takes.
        needs: The tools without which it is not offered.
        write: Renders its text from the arguments and the tools that are offered.
    """

    name: str
    title: str
    description: str
    arguments: Sequence[Argument]
    needs: frozenset[str]
    write: Callable[[Mapping[str, str], Container[str]], str]

    @property
    def definition(self) -> mcp_types.Prompt:
        """Its entry in `prompts/list`."""
        arguments = [
            mcp_types.PromptArgument(name=one.name, description=one.description, required=one.required)
            for one in self.arguments
        ]
        return mcp_types.Prompt(name=self.name, title=self.title, description=self.description, arguments=arguments)


def offered_prompts(scope: RequestScope) -> Sequence[Prompt]:
    """Return the prompts whose tools a request may use."""
    default_repo = scope.settings.default_repo
    return [_with_default_repo(prompt, default_repo) for prompt in PROMPTS if prompt.needs <= scope.tools.keys()]


async def list_prompts(scope: RequestScope, params: mcp_types.PaginatedRequestParams) -> mcp_types.ListPromptsResult:
    """Return the definitions, which clients show their users.

    Raises:
        MCPError: There is no such cursor.
    """
    check_cursor(params)
    return mcp_types.ListPromptsResult(prompts=[prompt.definition for prompt in offered_prompts(scope)])


async def get_prompt(scope: RequestScope, params: mcp_types.GetPromptRequestParams) -> mcp_types.GetPromptResult:
    """Return the text of a prompt, with its arguments in place.

    Raises:
        MCPError: There is no such prompt, or an argument is missing, unknown or unusable; the message says which.
    """
    prompts = {prompt.name: prompt for prompt in offered_prompts(scope)}
    prompt = prompts.get(params.name)
    if prompt is None:
        raise MCPError(mcp_types.INVALID_PARAMS, unknown_prompt(params.name, list(prompts)))
    changes = any(not scope.tools[name].hints.reads_only for name in prompt.needs)
    values = _checked(prompt, params.arguments or {}, scope.settings.base_url, changes=changes)
    text = prompt.write(values, scope.tools)
    message = mcp_types.PromptMessage(role="user", content=mcp_types.TextContent(type="text", text=text))
    return mcp_types.GetPromptResult(description=prompt.description, messages=[message])


def unknown_prompt(name: str, known: Sequence[str]) -> str:
    """Return the message for a prompt that is not offered, with the nearest that are."""
    problem = unknown_name("prompt", clean_line(name, 60), known)
    return sentence(f"{problem[0].upper()}{problem[1:]}")


def _with_default_repo(prompt: Prompt, default_repo: str) -> Prompt:
    """Return the prompt with an optional `repo` where the user's settings name a default repository."""
    if not default_repo:
        return prompt
    arguments = [
        replace(one, description=f"{one.description} Empty: {default_repo}.", required=False, default=default_repo)
        if one == _REPO
        else one
        for one in prompt.arguments
    ]
    return replace(prompt, arguments=arguments)


def _checked(prompt: Prompt, given: Mapping[str, str], base_url: str, *, changes: bool) -> dict[str, str]:
    """Return the values of all arguments; "" for one that is left out."""
    problems = []
    try:
        sort_arguments(prompt.name, given, [one.name for one in prompt.arguments], changes=changes)
    except InvalidArgumentError as error:
        problems.append(str(error))
    values = {}
    for one in prompt.arguments:
        text = id_in_page(given.get(one.name, "").strip() or one.default, base_url, one.name)
        values[one.name] = ""
        if text:
            try:
                values[one.name] = one.read(text)
            except _UnusableError as error:
                problems.append(f"{one.name} {error}.")
        elif one.required:
            problems.append(f"{prompt.name} needs the argument {one.name}: {one.description}")
    if problems:
        raise MCPError(mcp_types.INVALID_PARAMS, " ".join(problems))
    return values


_REPO: Final = Argument("repo", "The repository, as owner/name or its id.", _repo)
PROMPTS: Final = (
    Prompt(
        "delegate_task",
        "Delegate a task",
        "Let a coding agent work on a task in a repository, and follow it to its pull request.",
        (
            _REPO,
            Argument("task", "What the agent has to do.", _words),
            Argument("base_branch", "The branch to start from; empty for the default branch.", _branch, required=False),
        ),
        frozenset({"start_run", "tail_run"}),
        prompt_texts.delegate_task,
    ),
    Prompt(
        "review_run",
        "Review a run",
        "Look at a run: how it stands, what the agent did, what failed and why.",
        (Argument("run_id", "The id of the run.", _run_id),),
        frozenset({"get_run"}),
        prompt_texts.review_run,
    ),
    Prompt(
        "triage_failures",
        "Triage failures",
        "Find out why runs failed lately, group them by cause and propose what to do.",
        (Argument("repo", "Only this repository, as owner/name or its id; empty for all.", _repo, required=False),),
        frozenset({"list_runs", "get_run"}),
        prompt_texts.triage_failures,
    ),
    Prompt(
        "set_up_automation",
        "Set up an automation",
        "Make an automation for a repository, as a draft that the user agrees to before it goes live.",
        (_REPO, Argument("goal", "What the automation has to do, and when.", _words)),
        frozenset({"list_automations", "list_agents", "create_automation"}),
        prompt_texts.set_up_automation,
    ),
)
