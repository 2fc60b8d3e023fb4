"""Resources: the answers of reading tools under an address, for people who attach them and programs that watch them.

A resource is what its tool answers by default. It is offered when the tool is, and read through the same dispatch, so
that size, untrusted text, budget and errors are the tool's own.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

import mcp_types
from mcp.shared.exceptions import MCPError
from mcp.shared.uri_template import UriTemplate
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mogplex_mcp.api.errors import ErrorCode
from mogplex_mcp.operations.errors import InvalidArgumentError, check_id, operation_error
from mogplex_mcp.reply.render import render
from mogplex_mcp.reply.untrusted import clean_line, sanitize_name, sanitize_word
from mogplex_mcp.server.request_scope import Context, RequestScope
from mogplex_mcp.storage.ledger import Entry
from mogplex_mcp.toolkit.dispatch import call_tool
from mogplex_mcp.toolkit.errors import sentence, tool_error

LISTED_RUNS: Final = 20

# Until 2025-11-25 a resource that is not there had a code of its own, which 2026-07-28 retired.
_NOT_FOUND_2025: Final = -32_002
_NOT_THERE: Final = frozenset({ErrorCode.NOT_FOUND, ErrorCode.INVALID_ARGUMENT, ErrorCode.BAD_REQUEST})
_LONGEST_URI: Final = 300


@dataclass(frozen=True)
class Kind:
    """One kind of resource.

    Attributes:
        uri: Its address; parameters are in braces and have the names of the tool's arguments.
        name: What programs call it.
        title: What people see.
        description: What it is good for.
        tool: What answers a read.
        arguments: What the tool is given beside the parameters.
        as_text: Whether it is the tool's text, with the words of others fenced; else it is the tool's JSON.
        priority: How important it is beside the others, from 0 to 1.
    """

    uri: str
    name: str
    title: str
    description: str
    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    as_text: bool = False
    priority: float = 0.5

    @cached_property
    def template(self) -> UriTemplate:
        """The address, ready to be compared with others."""
        return UriTemplate.parse(self.uri)

    @property
    def mime_type(self) -> str:
        """The type of what is read."""
        return "text/plain" if self.as_text else "application/json"

    @property
    def definition(self) -> mcp_types.Resource | mcp_types.ResourceTemplate:
        """What lists say of it."""
        common: dict[str, Any] = {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "mime_type": self.mime_type,
            "annotations": mcp_types.Annotations(audience=["user", "assistant"], priority=self.priority),
        }
        if self.template.variables:
            return mcp_types.ResourceTemplate(uri_template=self.uri, **common)
        return mcp_types.Resource(uri=self.uri, **common)


RUN: Final = Kind(
    "mogplex://runs/{run_id}",
    "run",
    "Run",
    "One run of a coding agent as it stands: state, branches, pull request, failure, events. "
    "Subscribe to be told of news while it is watched.",
    tool="get_run",
    priority=0.9,
)
RUN_EVENTS: Final = Kind(
    "mogplex://runs/{run_id}/events",
    "run-events",
    "Events of a run",
    "What a run has reported so far, oldest first, written by the agent. "
    "Subscribe to be told of news while it is watched.",
    tool="tail_run",
    arguments={"wait_seconds": 0, "max_events": 100},
    as_text=True,
    priority=0.7,
)
KINDS: Final = (
    Kind(
        "mogplex://repos",
        "repos",
        "Repositories",
        "The GitHub repositories that Mogplex can work on, with their default branches.",
        tool="list_repos",
    ),
    RUN,
    RUN_EVENTS,
    Kind(
        "mogplex://sandboxes/{sandbox_id}/logs",
        "sandbox-logs",
        "Logs of a sandbox",
        "The newest lines of what the setup of a cloud sandbox printed.",
        tool="get_sandbox_logs",
        as_text=True,
        priority=0.4,
    ),
    Kind(
        "mogplex://automations/{automation_id}",
        "automation",
        "Automation",
        "One automation: what triggers it, what it does, whether it is published.",
        tool="get_automation",
    ),
)


class Resources:
    """The resources of one server.

    Args:
        offer: What a request may use, and whose it is.
    """

    def __init__(self, offer: RequestScope) -> None:
        self._offer = offer

    def kinds(self, context: Context) -> Sequence[Kind]:
        """The kinds that a request may use."""
        tools = self._offer.tools(context)
        return [kind for kind in KINDS if kind.tool in tools]

    async def list(self, context: Context, _params: mcp_types.PaginatedRequestParams) -> mcp_types.ListResourcesResult:
        """What there always is, and the newest runs that the caller's journal knows; all on one page."""
        kinds = self.kinds(context)
        definitions = [kind.definition for kind in kinds]
        listed = [one for one in definitions if isinstance(one, mcp_types.Resource)]
        if RUN in kinds:
            listed += [_listed_run(entry) for entry in await self._offer.known_runs(context, LISTED_RUNS)]
        return mcp_types.ListResourcesResult(resources=listed)

    async def list_templates(
        self, context: Context, _params: mcp_types.PaginatedRequestParams
    ) -> mcp_types.ListResourceTemplatesResult:
        """The kinds of resources that have parameters."""
        definitions = [kind.definition for kind in self.kinds(context)]
        templates = [one for one in definitions if isinstance(one, mcp_types.ResourceTemplate)]
        return mcp_types.ListResourceTemplatesResult(resource_templates=templates)

    async def read(self, context: Context, params: mcp_types.ReadResourceRequestParams) -> mcp_types.ReadResourceResult:
        """What the tool of this resource answers.

        Raises:
            MCPError: There is no such resource, or it could not be read; the message says what to do.
        """
        try:
            kind, values = self.find(context, params.uri)
        except InvalidArgumentError as error:
            raise _error(context, params.uri, sentence(str(error)), error.code) from None
        tools = self._offer.tools(context)
        try:
            reply = await call_tool(tools[kind.tool], {**kind.arguments, **values}, self._offer.open_call(context))
            result = render(reply.offering(tools))
        except Exception as error:  # noqa: BLE001 - as in a tool call: the reader gets a reason, the log a traceback
            failure = operation_error(error)
            worded = tool_error(failure, base_url=self._offer.settings.base_url, offered=tools, tool=kind.tool)
            raise _error(context, params.uri, worded.text, failure.code) from None
        if kind.as_text:
            text = "\n".join(block.text for block in result.content if isinstance(block, mcp_types.TextContent))
        else:
            text = json.dumps(result.structured_content, ensure_ascii=False, separators=(",", ":"))
        contents = mcp_types.TextResourceContents(uri=params.uri, mime_type=kind.mime_type, text=text)
        return mcp_types.ReadResourceResult(contents=[contents])

    def find(self, context: Context, uri: str) -> tuple[Kind, dict[str, str]]:
        """The kind of a resource and the values in its address.

        Raises:
            InvalidArgumentError: There is no resource of this address, or a value in it is no id.
        """
        kinds = self.kinds(context)
        for kind in kinds if len(uri) <= _LONGEST_URI else ():
            matched = kind.template.match(uri)
            if matched is not None:
                # Every parameter is an id: what is no UUID would reach a tool as something else, such as "the latest".
                return kind, {parameter: check_id(str(value), parameter) for parameter, value in matched.items()}
        known = ", ".join(kind.uri for kind in kinds)
        raise InvalidArgumentError(f"There is no resource {clean_line(uri, 100)}. There are {known}; put in an id")


def _listed_run(entry: Entry) -> mcp_types.Resource:
    run_id, repo, status = sanitize_word(entry.run_id), sanitize_name(entry.repo), sanitize_word(entry.status, "")
    where = f" on {repo}" if repo else ""
    begun = datetime.fromtimestamp(entry.created_at, UTC)
    task = clean_line(entry.prompt_line, 100)
    return mcp_types.Resource(
        uri=RUN.template.expand({"run_id": run_id}),
        name=f"run-{run_id[:8]}",
        title=f"Run{where} of {begun:%Y-%m-%d %H:%M}",
        description=". ".join(filter(None, [f"Last seen {status}" if status else "", f"Task: {task}" if task else ""])),
        mime_type=RUN.mime_type,
        annotations=mcp_types.Annotations(
            audience=["user", "assistant"],
            priority=RUN.priority,
            last_modified=f"{datetime.fromtimestamp(entry.checked_at, UTC):%Y-%m-%dT%H:%M:%SZ}",
        ),
    )


def _error(context: Context, uri: str, text: str, code: str) -> MCPError:
    if code not in _NOT_THERE:
        number = mcp_types.INTERNAL_ERROR
    elif context.protocol_version in MODERN_PROTOCOL_VERSIONS:
        number = mcp_types.INVALID_PARAMS
    else:
        number = _NOT_FOUND_2025
    return MCPError(number, text, {"uri": uri})
