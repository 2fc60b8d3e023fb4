"""Editing automations: what they can be made of, create one, change its draft, make the draft live."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mogplex_mcp.api.automation_models import AutomationDetail
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.models import Agent, Model
from mogplex_mcp.core.cleaning import sanitize_word
from mogplex_mcp.operations.confirmation import quote
from mogplex_mcp.operations.context import OperationContext
from mogplex_mcp.operations.errors import (
    Argument,
    InvalidArgumentError,
    Operation,
    OperationError,
    advised,
    check_id,
    listed_by,
    not_repeatable,
)
from mogplex_mcp.operations.graphs import (
    cannot_be_written,
    changes,
    check_graph,
    check_publishable,
    lost,
    name_of,
)


@dataclass(frozen=True)
class WrittenAutomation:
    """An automation that was created or changed.

    Attributes:
        automation: The automation as Mogplex has it now.
        not_kept: The places of the graph that Mogplex did not keep as they were sent.
    """

    automation: AutomationDetail
    not_kept: Sequence[str]


async def list_agents(context: OperationContext, *, query: str = "") -> Sequence[Agent]:
    """List the agents that the nodes of an automation can use.

    Args:
        context: The context of the call.
        query: Part of an id or a name; empty for all.

    Raises:
        MogplexError: Mogplex could not be asked, or refused.
    """
    return [one for one in await context.tenant.mogplex.list_agents() if _matches(query, one.id, one.name)]


async def list_models(context: OperationContext, *, query: str = "") -> Sequence[Model]:
    """List the models that the user enabled.

    Args:
        context: The context of the call.
        query: Part of an id or a name; empty for all.

    Raises:
        MogplexError: Mogplex could not be asked, or refused.
    """
    return [one for one in await context.tenant.mogplex.list_models() if _matches(query, one.id, one.name)]


async def create_automation(
    context: OperationContext,
    *,
    installation_id: int = 0,
    repo: str = "",
    name: str = "",
    description: str = "",
    notes: str = "",
    graph: Mapping[str, Any],
    publish: bool = False,
) -> WrittenAutomation:
    """Create an automation; each call creates another one.

    Args:
        context: The context of the call.
        installation_id: The GitHub installation; 0 for that of the repository.
        repo: A repository of the installation: `owner/name`, or an id; empty for the default one.
        name: Its name; empty for one that Mogplex chooses.
        description: What it is for.
        notes: Notes about it.
        graph: What it does; empty for the first graph of Mogplex, in which a mention starts one agent.
        publish: Whether to make it live at once, for which the user is asked.

    Raises:
        InvalidArgumentError: The graph cannot be used, or there is no installation; nothing was sent.
        ConsentNeeded: It is to be published, and the user has not agreed.
        OperationError: The repository has no known installation.
        MogplexError: Mogplex refused, or (`may_have_happened`) a draft may be left behind.
    """
    if graph:
        check_graph(graph)
    installation_id = installation_id or await _installation(context, repo)
    if publish:
        if graph:
            check_publishable(graph)
        named = f" {quote(name)}" if name else ""
        texts = [f"- {key}: {quote(text)}" for key, text in (("description", description), ("notes", notes)) if text]
        described = [f"- {one}" for one in changes({}, graph)] or [
            "- Mogplex's own first graph: a mention starts one agent"
        ]
        context.consent.require(
            f"Create the automation{named} on GitHub installation {installation_id} and make it live at once? It has:\n"
            + "\n".join([*texts, *described])
        )
    seen = Operation("list_automations"), " shows whether there is a new automation."
    with _known_parts(Operation("list_repos")), not_repeatable(*seen), _draft_stays(publish=publish):
        created = await context.tenant.mogplex.create_automation(
            installation_id,
            name=name or None,
            description=description or None,
            notes=notes or None,
            graph=graph or None,
            publish=publish or None,
        )
    return _written(graph, created)


async def update_automation(
    context: OperationContext,
    *,
    automation_id: str,
    name: str = "",
    description: str = "",
    notes: str = "",
    installation_id: int = 0,
    graph: Mapping[str, Any],
) -> WrittenAutomation:
    """Change the draft of an automation; what is empty stays as it is.

    Args:
        context: The context of the call.
        automation_id: The automation.
        name: Its new name.
        description: What it is for.
        notes: Notes about it.
        installation_id: Its new GitHub installation.
        graph: What replaces the whole graph of the draft.

    Raises:
        InvalidArgumentError: There is nothing to change, or the graph cannot be used; nothing was sent.
        MogplexError: Mogplex refused, or (`may_have_happened`) it is not known whether it was changed.
    """
    automation_id = check_id(automation_id, "automation_id")
    if not (name or description or notes or installation_id or graph):
        raise InvalidArgumentError(
            "nothing to change was given: ",
            Argument("name"),
            ", ",
            Argument("description"),
            ", ",
            Argument("notes"),
            ", ",
            Argument("installation_id"),
            " or ",
            Argument("graph"),
        )
    if graph:
        if reason := cannot_be_written(graph):
            raise InvalidArgumentError(reason)
        check_graph(graph)
    with _known_parts(Operation("list_automations")):
        changed = await context.tenant.mogplex.update_automation(
            automation_id,
            name=name or None,
            description=description or None,
            notes=notes or None,
            installation_id=installation_id or None,
            graph=graph or None,
        )
    return _written(graph, changed)


async def publish_automation(context: OperationContext, *, automation_id: str) -> AutomationDetail:
    """Make the draft of an automation live, if the user agrees.

    Args:
        context: The context of the call.
        automation_id: The automation.

    Raises:
        InvalidArgumentError: The draft cannot be published.
        ConsentNeeded: The user has not agreed.
        MogplexError: Mogplex refused, or (`may_have_happened`) it is not known whether it was published.
    """
    automation_id = check_id(automation_id, "automation_id")
    with _known_parts(Operation("list_automations")):
        found = await context.tenant.mogplex.get_automation(automation_id)
        check_publishable(found.draft_graph)
        context.consent.require(_publishing_question(found))
        with not_repeatable(Operation("get_automation", {"automation_id": automation_id}), " shows what is published."):
            return await context.tenant.mogplex.publish_automation(automation_id)


async def set_automation_model(
    context: OperationContext, *, automation_id: str, node_id: str, model: str = "", publish: bool = False
) -> AutomationDetail:
    """Choose the model of an agent node in the draft of an automation.

    Args:
        context: The context of the call.
        automation_id: The automation.
        node_id: The node.
        model: The id of a model that the user enabled; empty to clear it, after which the draft cannot be published.
        publish: Whether to make the draft live as well, for which the user is asked.

    Raises:
        InvalidArgumentError: The id isn't one.
        ConsentNeeded: It is to be published, and the user has not agreed.
        MogplexError: Mogplex refused, or (`may_have_happened`) the draft may be changed all the same.
    """
    automation_id = check_id(automation_id, "automation_id")
    with _known_parts(Operation("list_automations"), automation_id):
        if publish:
            found = await context.tenant.mogplex.get_automation(automation_id)
            context.consent.require(_publishing_question(found, node_id=node_id, model=model))
        with _draft_stays(publish=publish):
            return await context.tenant.mogplex.set_automation_model(
                automation_id, node_id, model or None, publish=publish or None
            )


@contextmanager
def _known_parts(listed: Operation, automation_id: str = "") -> Iterator[None]:
    """Say where that is listed which Mogplex does not know: what `listed` lists, a node, an agent, a model."""
    node = Operation("get_automation", {"automation_id": automation_id} if automation_id else {})
    others = ("node", node), ("installation", Operation("list_automations")), ("repo", Operation("list_repos"))
    try:
        with listed_by(listed, *others):
            yield
    except MogplexError as error:
        said = error.message.casefold()
        if error.code is ErrorCode.BAD_REQUEST and "not available to this user" in said:
            raise advised(error, (Operation("list_agents"), " shows the ids of agents. Correct the graph.")) from error
        if error.code is ErrorCode.BAD_REQUEST and "not enabled" in said:
            raise advised(error, (Operation("list_models"), " shows the models that can be used.")) from error
        raise


@contextmanager
def _draft_stays(*, publish: bool) -> Iterator[None]:
    """Mark a refused publication: the draft was changed all the same (mogplex-api.md, section 2, "Automations")."""
    try:
        yield
    except MogplexError as error:
        if publish and error.code is ErrorCode.BAD_REQUEST:
            error.may_have_happened = True
        raise


async def _installation(context: OperationContext, repo: str) -> int:
    wanted = repo or context.settings.default_repo
    if not wanted:
        raise InvalidArgumentError(
            "give ", Argument("installation_id"), ", or ", Argument("repo"), " to take its installation"
        )
    found = await context.tenant.repos.find(wanted)
    if found.installation_id is None:
        raise OperationError(
            ErrorCode.NOT_FOUND,
            "Mogplex knows no GitHub installation of this repository; give ",
            Argument("installation_id"),
        )
    return found.installation_id


def _publishing_question(found: AutomationDetail, *, node_id: str = "", model: str = "") -> str:
    """Return what publishing changes, for the user to read."""
    version = found.published_version
    live = f"version {version.version_number or '(unknown)'} is live now" if version else "it was never published"
    changed = changes(version.graph if version else {}, found.draft_graph)
    if node_id:
        changed.append(f"node {name_of(node_id)}: model {name_of(model) if model else 'none of its own'}")
    listed = "\n".join(f"- {one}" for one in changed) or "- nothing: the same graph again"
    return (
        f"Make the draft of the automation {quote(found.name)} ({sanitize_word(found.id)}) live at once? "
        f"It is {sanitize_word(found.status)}, {live}. What changes:\n{listed}"
    )


def _written(graph: Mapping[str, Any], answered: AutomationDetail) -> WrittenAutomation:
    return WrittenAutomation(answered, lost(graph, answered.draft_graph) if graph else ())


def _matches(query: str, *texts: str) -> bool:
    return any(query.strip().casefold() in text.casefold() for text in texts)
