"""Editing automations: what they can be made of, make one, change its draft, make the draft live."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final

from pydantic import Field

from mogplex_mcp.api.models import Agent, Model
from mogplex_mcp.core.cleaning import clean_line
from mogplex_mcp.core.humanize import counted
from mogplex_mcp.operations import automation_editing as editing
from mogplex_mcp.operations.errors import Argument, InvalidArgumentError, Operation
from mogplex_mcp.reply.model import ListReply
from mogplex_mcp.reply.schema import rows, text
from mogplex_mcp.toolkit.arguments import JsonObject
from mogplex_mcp.toolkit.call import Call
from mogplex_mcp.toolkit.toolset import Hints, Toolset
from mogplex_mcp.tools.automation_replies import AutomationDetails, summary_reply
from mogplex_mcp.tools.automations import AutomationId

toolset = Toolset("automation_editing", "Make and change automations.", by_default=False)

_PUBLISHES: Final = "publish_automation"
_NO_GRAPH: Final[dict[str, Any]] = {}
_PER_MILLION: Final = 1_000_000

Query = Annotated[str, Field(description="Part of a name or id. Default: all.")]
# The data of a node differ by type and are not published, so a closed schema isn't possible.
_GRAPH_FORM: Final = (
    "The whole graph, a JSON object as text: {nodes: [{id, type, position: {x, y}, data}], edges: [{id, source, "
    "target}]}. Types: start, agent, condition, parallel, join, delay, await_event, set_variable, transform, end."
    " get_automation with detail=graph shows an example."
)
Publish = Annotated[
    bool,
    Field(description="Whether to make it live at once; the user is asked first. Default: false, it stays a draft."),
]


class AgentList(ListReply):
    """Agents that nodes can use; what they are stands under untrusted."""

    narrow: ClassVar[str] = "Call list_agents with query."
    untrusted_schema: ClassVar[Mapping[str, Any]] = {
        "agents": rows(
            "The agents that nodes can use.",
            id=text("Value for agentId in a graph."),
            name=text("Name that people see."),
            category=text("Category that Mogplex sorts it into."),
            model=text("Model that it uses, by id."),
            description=text("What it does, in the words of its author."),
        )
    }
    count: int = Field(description="How many there are.")


class ModelList(ListReply):
    """Models that nodes can use; what they are stands under untrusted."""

    narrow: ClassVar[str] = "Call list_models with query."
    untrusted_schema: ClassVar[Mapping[str, Any]] = {
        "models": rows(
            "The models that nodes can use.",
            id=text("Value for model in set_automation_model."),
            name=text("Name that people see."),
            context={"type": "integer", "description": "Longest context, in tokens."},
            input={"type": "number", "description": "US dollars per million tokens that it reads."},
            output={"type": "number", "description": "US dollars per million tokens that it writes."},
            can=text("Capabilities, in the words of Mogplex."),
        )
    }
    count: int = Field(description="How many there are.")


@toolset.tool("List agents", Hints(open_world=True))
async def list_agents(call: Call, query: Query = "") -> AgentList:
    """List the agents that an automation's agent nodes can use, to find the agentId of a node. Costs one request."""
    found = await editing.list_agents(call, query=query)
    return AgentList(
        summary=f"{counted(len(found), 'agent')}.",
        count=len(found),
        untrusted={"agents": [_agent_row(agent) for agent in found]} if found else {},
    )


@toolset.tool("List models", Hints(open_world=True))
async def list_models(call: Call, query: Query = "") -> ModelList:
    """List the models that the user enabled, with prices in dollars per million tokens, to choose one for a node.

    Costs one request.
    """
    found = await editing.list_models(call, query=query)
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
    installation_id: Annotated[
        int, Field(description="The number of the GitHub installation it works on. Default: that of repo.", ge=0)
    ] = 0,
    repo: Annotated[
        str,
        Field(
            description="A repository of that installation, owner/name or its id. Default: none; needed without "
            "installation_id."
        ),
    ] = "",
    name: Annotated[str, Field(description="The name that people see. Default: Mogplex chooses one.")] = "",
    description: Annotated[str, Field(description="What it is for, in a sentence or two. Default: none.")] = "",
    notes: Annotated[
        str, Field(description="Notes for people, up to 20000 characters. Default: none.", max_length=20_000)
    ] = "",
    graph: Annotated[
        JsonObject,
        Field(description=f"{_GRAPH_FORM} Default: Mogplex's first graph, in which a mention starts one agent."),
    ] = _NO_GRAPH,
    publish: Publish = False,
) -> AutomationDetails:
    """Create an automation, a draft unless publish is set. Without graph, a mention starts one agent.

    Each call creates one more. Costs nothing until it runs.
    """
    if publish:
        _check_may_publish(call)
    created = await editing.create_automation(
        call,
        installation_id=installation_id,
        repo=repo,
        name=name,
        description=description,
        notes=notes,
        graph=graph,
        publish=publish,
    )
    done = f"The automation was made{' and published' if publish else ''}."
    return summary_reply(created.automation, done, _not_kept(created.not_kept))


@toolset.tool("Change an automation", Hints(reads_only=False, destructive=True, open_world=True))
async def update_automation(
    call: Call,
    *,
    automation_id: AutomationId,
    name: Annotated[str, Field(description="The new name. Default: no change.")] = "",
    description: Annotated[str, Field(description="What it is for, in a sentence or two. Default: no change.")] = "",
    notes: Annotated[
        str, Field(description="Notes for people, up to 20000 characters. Default: no change.", max_length=20_000)
    ] = "",
    installation_id: Annotated[
        int, Field(description="The number of another GitHub installation to work on. Default: no change.", ge=0)
    ] = 0,
    graph: Annotated[JsonObject, Field(description=f"{_GRAPH_FORM} Default: no change.")] = _NO_GRAPH,
) -> AutomationDetails:
    """Change an automation's draft; what is left out stays as it is.

    graph replaces the whole draft: read the old one first, and send it back complete. publish_automation makes the
    draft live.
    """
    changed = await editing.update_automation(
        call,
        automation_id=automation_id,
        name=name,
        description=description,
        notes=notes,
        installation_id=installation_id,
        graph=graph,
    )
    return summary_reply(changed.automation, "The automation was changed.", _not_kept(changed.not_kept))


@toolset.tool("Publish an automation", Hints(reads_only=False, destructive=True, idempotent=False, open_world=True))
async def publish_automation(call: Call, automation_id: AutomationId) -> AutomationDetails:
    """Make an automation's draft live, so that it can run. The user is asked first and shown what changes.

    From then on its triggers can start runs, which cost money. trigger_automation runs it at once.
    """
    published = await editing.publish_automation(call, automation_id=automation_id)
    return summary_reply(published, "The automation was published.")


@toolset.tool("Choose a node's model", Hints(reads_only=False, destructive=True, open_world=True))
async def set_automation_model(
    call: Call,
    *,
    automation_id: AutomationId,
    node_id: Annotated[str, Field(description="The id of an agent node. get_automation has it.")],
    model: Annotated[
        str,
        Field(
            description="The id of the model. list_models has the ids. Default: none; the node's model is removed, and "
            "the draft can't be published."
        ),
    ] = "",
    publish: Publish = False,
) -> AutomationDetails:
    """Choose the model of an agent node in an automation's draft, without sending the whole graph.

    The model decides what a run costs.
    """
    if publish:
        _check_may_publish(call)
    changed = await editing.set_automation_model(
        call, automation_id=automation_id, node_id=node_id, model=model, publish=publish
    )
    published = ", and the draft published" if publish else ""
    done = f"The node's model was {'chosen' if model else 'taken away'}{published}."
    notes = [] if model else ["Publishing will be refused until this node has a model."]
    return summary_reply(changed, done, notes)


def _check_may_publish(call: Call) -> None:
    """Refuse to publish by another way where publish_automation is not offered."""
    if _PUBLISHES not in call.offered:
        raise InvalidArgumentError(
            Argument("publish"),
            " cannot be set, because this server does not offer ",
            Operation(_PUBLISHES),
            "; leave it out",
        )


def _not_kept(places: Sequence[str]) -> Sequence[str]:
    if not places:
        return ()
    return [f"Mogplex did not keep all of the graph as it was sent: {', '.join(places)}. Read it before publishing."]


def _agent_row(agent: Agent) -> dict[str, str]:
    facts = {
        "id": clean_line(agent.id, 100),
        "name": clean_line(agent.name, 60),
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
