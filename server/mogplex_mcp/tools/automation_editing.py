"""Editing automations: what they can be made of, make one, change its draft, make the draft live."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.models import Agent, AutomationDetail, Model
from mogplex_mcp.core.humanize import counted
from mogplex_mcp.operations.errors import InvalidArgumentError
from mogplex_mcp.operations.graphs import cannot_be_written, changes, check_graph, check_publishable, lost, node_rows
from mogplex_mcp.reply.model import Reply
from mogplex_mcp.reply.untrusted import clean_line, sanitize_word
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Toolset
from mogplex_mcp.tools.automation_replies import AutomationDetails, summary_reply
from mogplex_mcp.tools.automations import AutomationId

toolset = Toolset("automation_editing", "Make and change automations.", by_default=False)

_PUBLISHES: Final = "publish_automation"
_MOST_SHOWN: Final = 20
_NO_GRAPH: Final[dict[str, Any]] = {}
_PER_MILLION: Final = 1_000_000

Query = Annotated[str, Field(description="Part of a name; empty: all.")]
Graph = Annotated[
    dict[str, Any], Field(description="{nodes:[{id,type,position:{x,y},data}], edges:[{id,source,target}]}, whole.")
]
Publish = Annotated[bool, Field(description="Make it live; the user is asked.")]


class AgentList(Reply):
    """Agents that nodes can use; what they are stands under untrusted."""

    narrow: ClassVar[str] = "Call list_agents with query."
    count: int


class ModelList(Reply):
    """Models that nodes can use; what they are stands under untrusted."""

    narrow: ClassVar[str] = "Call list_models with query."
    count: int


@toolset.tool("List agents", Hints(open_world=True))
async def list_agents(call: Call, query: Query = "") -> AgentList:
    """List the agents that an automation's agent nodes can use, to find an agentId for a graph."""
    found = [agent for agent in await call.tenant.mogplex.list_agents() if _is_meant(query, agent.id, agent.name)]
    return AgentList(
        summary=f"{counted(len(found), 'agent')}.",
        count=len(found),
        untrusted={"agents": [_agent_row(agent) for agent in found]} if found else {},
    )


@toolset.tool("List models", Hints(open_world=True))
async def list_models(call: Call, query: Query = "") -> ModelList:
    """List the models that the user enabled, with prices in dollars per million tokens, for set_automation_model."""
    found = [model for model in await call.tenant.mogplex.list_models() if _is_meant(query, model.id, model.name)]
    return ModelList(
        summary=f"{counted(len(found), 'model')}.",
        count=len(found),
        notes=[] if found or query else ["The user has to enable models on the Mogplex web page first."],
        untrusted={"models": [_model_row(model) for model in found]} if found else {},
    )


@toolset.tool("Create an automation", Hints(reads_only=False, idempotent=False, open_world=True))
async def create_automation(
    call: Call,
    *,
    installation_id: Annotated[int, Field(description="GitHub installation; 0: that of repo.", ge=0)] = 0,
    repo: Annotated[str, Field(description="owner/name or id, instead of installation_id.")] = "",
    name: str = "",
    description: str = "",
    notes: Annotated[str, Field(max_length=20_000)] = "",
    graph: Graph = _NO_GRAPH,
    publish: Publish = False,
) -> AutomationDetails:
    """Make an automation, as a draft unless publish is set. Without graph: a mention starts one agent.

    Each call makes one more. Look at it with get_automation.
    """
    if graph:
        check_graph(graph)
    installation_id = installation_id or await _installation(call, repo)
    if publish:
        _check_may_publish(call)
        if graph:
            check_publishable(graph)
        called = f' "{clean_line(name, 100)}"' if name else ""
        call.consent.require(
            f"Create the automation{called} on GitHub installation {installation_id} and make it live at once? "
            f"It has {_described(graph)}"
        )
    with _draft_stays(publish=publish):
        made = await call.tenant.mogplex.create_automation(
            installation_id,
            name=name or None,
            description=description or None,
            notes=notes or None,
            graph=graph or None,
            publish=publish or None,
        )
    done = f"The automation was made{' and published' if publish else ''}."
    return summary_reply(call, made, done, _kept(graph, made))


@toolset.tool("Change an automation", Hints(reads_only=False, destructive=True, open_world=True))
async def update_automation(
    call: Call,
    *,
    automation_id: AutomationId,
    name: str = "",
    description: str = "",
    notes: Annotated[str, Field(max_length=20_000)] = "",
    installation_id: Annotated[int, Field(description="0: stays.", ge=0)] = 0,
    graph: Graph = _NO_GRAPH,
) -> AutomationDetails:
    """Change an automation's draft; what is left empty stays as it is.

    graph replaces the whole draft: read it with get_automation (detail graph), edit it, send it back complete.
    publish_automation then makes it live.
    """
    if not (name or description or notes or installation_id or graph):
        raise InvalidArgumentError("nothing to change was given: name, description, notes, installation_id or graph")
    if graph:
        if reason := cannot_be_written(graph):
            raise InvalidArgumentError(reason)
        check_graph(graph)
    changed = await call.tenant.mogplex.update_automation(
        automation_id,
        name=name or None,
        description=description or None,
        notes=notes or None,
        installation_id=installation_id or None,
        graph=graph or None,
    )
    return summary_reply(call, changed, "The automation was changed.", _kept(graph, changed))


@toolset.tool("Publish an automation", Hints(reads_only=False, destructive=True, idempotent=False, open_world=True))
async def publish_automation(call: Call, automation_id: AutomationId) -> AutomationDetails:
    """Make an automation's draft live. The user is asked and shown what changes. Then trigger_automation runs it."""
    found = await call.tenant.mogplex.get_automation(automation_id)
    check_publishable(found.draft_graph)
    call.consent.require(_publishing_question(found))
    published = await call.tenant.mogplex.publish_automation(automation_id)
    return summary_reply(call, published, "The automation was published.")


@toolset.tool("Choose a node's model", Hints(reads_only=False, destructive=True, open_world=True))
async def set_automation_model(
    call: Call,
    *,
    automation_id: AutomationId,
    node_id: Annotated[str, Field(description="Of an agent node; see get_automation.")],
    model: Annotated[str, Field(description="From list_models; empty: none of its own.")] = "",
    publish: Publish = False,
) -> AutomationDetails:
    """Choose the model of an agent node in an automation's draft, without sending the whole graph."""
    if publish:
        _check_may_publish(call)
        found = await call.tenant.mogplex.get_automation(automation_id)
        call.consent.require(_publishing_question(found, node_id=node_id, model=model))
    with _draft_stays(publish=publish):
        changed = await call.tenant.mogplex.set_automation_model(
            automation_id, node_id, model or None, publish=publish or None
        )
    published = ", and the draft published" if publish else ""
    done = f"The node's model was {'chosen' if model else 'taken away'}{published}."
    return summary_reply(call, changed, done)


@contextmanager
def _draft_stays(*, publish: bool) -> Iterator[None]:
    """Where publishing is refused, the draft was changed all the same (mogplex-api.md, section 2, "Automations")."""
    try:
        yield
    except MogplexError as error:
        if publish and error.code is ErrorCode.BAD_REQUEST:
            error.may_have_happened = True
        raise


async def _installation(call: Call, repo: str) -> int:
    wanted = repo or call.settings.default_repo
    if not wanted:
        raise InvalidArgumentError("give installation_id, or repo to take its installation")
    found = await call.tenant.repos.find(wanted)
    if found.installation_id is None:
        raise MogplexError(
            ErrorCode.NOT_FOUND, "Mogplex knows no GitHub installation of this repository; give installation_id"
        )
    return found.installation_id


def _check_may_publish(call: Call) -> None:
    """Whoever may not call publish_automation cannot publish by another way."""
    if _PUBLISHES not in call.offered:
        raise InvalidArgumentError(
            f"publish cannot be set, because this server does not offer {_PUBLISHES}; leave it out"
        )


def _publishing_question(found: AutomationDetail, *, node_id: str = "", model: str = "") -> str:
    """What publishing changes, for the user to read."""
    version = found.published_version
    live = f"version {version.version_number or '(unknown)'} is live now" if version else "it was never published"
    changed = changes(version.graph if version else {}, found.draft_graph)
    if node_id:
        changed.append(f"node {clean_line(node_id, 60)}: model {clean_line(model, 100) or 'none of its own'}")
    more = [f"and {len(changed) - _MOST_SHOWN} more changes"] if len(changed) > _MOST_SHOWN else []
    listed = "\n".join(f"- {one}" for one in [*changed[:_MOST_SHOWN], *more]) or "- nothing: the same graph again"
    return (
        f'Make the draft of the automation "{clean_line(found.name, 100)}" ({sanitize_word(found.id)}) live at once? '
        f"It is {sanitize_word(found.status)}, {live}. What changes:\n{listed}"
    )


def _kept(graph: Mapping[str, Any], answered: AutomationDetail) -> Sequence[str]:
    """What to say when Mogplex kept something else than was sent."""
    missing = lost(graph, answered.draft_graph) if graph else []
    if not missing:
        return []
    return [f"Mogplex did not keep all of the graph as it was sent: {', '.join(missing)}. Read it before publishing."]


def _is_meant(query: str, *texts: str) -> bool:
    return any(query.strip().casefold() in text.casefold() for text in texts)


def _described(graph: Mapping[str, Any]) -> str:
    rows = node_rows(graph)
    if not rows:
        return "Mogplex's own first graph: a mention starts one agent."
    lines = ["- " + ", ".join(f"{name} {text}" for name, text in row.items()) for row in rows[:_MOST_SHOWN]]
    more = [f"- and {len(rows) - _MOST_SHOWN} more"] if len(rows) > _MOST_SHOWN else []
    return "\n".join([f"{len(rows)} nodes:", *lines, *more])


def _agent_row(agent: Agent) -> dict[str, str]:
    facts = {
        "id": clean_line(agent.id, 100),
        "name": clean_line(agent.name, 60) if agent.name not in agent.id else "",
        "category": clean_line(agent.category or "", 40),
        "model": clean_line(agent.model or "", 100),
        "description": clean_line(agent.description or "", 100),
    }
    return {name: text for name, text in facts.items() if text}


def _model_row(model: Model) -> dict[str, Any]:
    facts = {
        "id": clean_line(model.id, 100),
        "name": clean_line(model.name, 60),
        "context": model.context_length,
        "input": _price(model.input_price),
        "output": _price(model.output_price),
        "can": clean_line(" ".join(model.capabilities), 100),
    }
    return {name: value for name, value in facts.items() if value not in (None, "")}


def _price(dollars_a_token: float | None) -> float | None:
    return None if dollars_a_token is None else round(dollars_a_token * _PER_MILLION, 4)
