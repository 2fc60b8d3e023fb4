"""Resources: results of reading tools under a URI, for people who attach them and programs that watch them.

A resource is the result of its tool. It is offered when the tool is, and read through the same dispatch, so that
output limit, untrusted text, budget and errors are those of the tool.
"""

import json
import re
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
from mogplex_mcp.api.identifiers import without_quotes
from mogplex_mcp.core.cleaning import clean_line, sanitize_name, sanitize_word
from mogplex_mcp.operations.errors import InvalidArgumentError, check_id, operation_error
from mogplex_mcp.reply.render import fenced, render
from mogplex_mcp.server.request_params import check_cursor
from mogplex_mcp.server.request_scope import RequestScope
from mogplex_mcp.storage.ledger import Entry
from mogplex_mcp.toolkit.dispatch import call_tool
from mogplex_mcp.toolkit.errors import sentence, tool_error
from mogplex_mcp.ui import run_card

LISTED_RUNS: Final = 20

# Up to 2025-11-25 "resource not found" had a code of its own, which 2026-07-28 retired.
_NOT_FOUND_2025: Final = -32_002
_NOT_THERE: Final = frozenset({ErrorCode.NOT_FOUND, ErrorCode.INVALID_ARGUMENT, ErrorCode.BAD_REQUEST})
_LONGEST_URI: Final = 300
# The scheme of a URI is case-insensitive (RFC 3986, section 3.1).
_SCHEME: Final = re.compile(r"^mogplex://", re.IGNORECASE)


@dataclass(frozen=True)
class ResourceKind:
    """One kind of resource.

    Attributes:
        uri: Its URI template (RFC 6570); parameters have the names of the tool's arguments.
        name: The name for programs.
        title: The name for people.
        description: What it is good for.
        tool: The tool whose result is read.
        arguments: Arguments of the tool in addition to the parameters.
        as_text: Whether to return the tool's text, or its structured content as JSON; both with untrusted text fenced.
        priority: How important it is compared with the others, from 0 to 1.
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
        """The parsed URI template."""
        return UriTemplate.parse(self.uri)

    @property
    def mime_type(self) -> str:
        """The media type of its contents."""
        return "text/plain" if self.as_text else "application/json"

    @property
    def definition(self) -> mcp_types.Resource | mcp_types.ResourceTemplate:
        """Its entry in `resources/list` or `resources/templates/list`."""
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


RUN: Final = ResourceKind(
    "mogplex://runs/{run_id}",
    "run",
    "Run",
    "One run of a coding agent as it stands: state, branches, pull request, failure, events. "
    "Subscribe to be notified of updates.",
    tool="get_run",
    priority=0.9,
)
RUN_EVENTS: Final = ResourceKind(
    "mogplex://runs/{run_id}/events",
    "run-events",
    "Events of a run",
    "What a run has reported so far, oldest first, written by the agent. Subscribe to be notified of updates.",
    tool="tail_run",
    arguments={"wait_seconds": 0, "max_events": 100},
    as_text=True,
    priority=0.7,
)
RESOURCES: Final = (
    ResourceKind(
        "mogplex://repos",
        "repos",
        "Repositories",
        "The GitHub repositories that Mogplex can work on, with their default branches.",
        tool="list_repos",
    ),
    RUN,
    RUN_EVENTS,
    ResourceKind(
        "mogplex://sandboxes/{sandbox_id}/logs",
        "sandbox-logs",
        "Logs of a sandbox",
        "The newest lines of what the setup of a cloud sandbox printed.",
        tool="get_sandbox_logs",
        as_text=True,
        priority=0.4,
    ),
    ResourceKind(
        "mogplex://automations/{automation_id}",
        "automation",
        "Automation",
        "One automation: what triggers it, what it does, whether it is published.",
        tool="get_automation",
    ),
)


def offered_resources(scope: RequestScope) -> Sequence[ResourceKind]:
    """Return the kinds that a request may use."""
    return [kind for kind in RESOURCES if kind.tool in scope.tools]


async def list_resources(
    scope: RequestScope, params: mcp_types.PaginatedRequestParams
) -> mcp_types.ListResourcesResult:
    """Return the fixed resources and the newest runs of the caller's journal, on one page.

    Raises:
        MCPError: There is no such cursor.
    """
    check_cursor(params)
    kinds = offered_resources(scope)
    definitions = [kind.definition for kind in kinds]
    listed = [one for one in definitions if isinstance(one, mcp_types.Resource)]
    # "Servers MAY omit UI-only resources" (SEP-1865): they are of no use to other clients.
    if scope.shows_cards and _has_card(scope):
        listed.append(run_card.definition())
    if RUN in kinds:
        listed += [_listed_run(entry) for entry in await scope.known_runs(LISTED_RUNS)]
    return mcp_types.ListResourcesResult(resources=listed)


async def list_templates(
    scope: RequestScope, params: mcp_types.PaginatedRequestParams
) -> mcp_types.ListResourceTemplatesResult:
    """Return the kinds of resources that have parameters.

    Raises:
        MCPError: There is no such cursor.
    """
    check_cursor(params)
    definitions = [kind.definition for kind in offered_resources(scope)]
    templates = [one for one in definitions if isinstance(one, mcp_types.ResourceTemplate)]
    return mcp_types.ListResourceTemplatesResult(resource_templates=templates)


async def read_resource(
    scope: RequestScope, params: mcp_types.ReadResourceRequestParams
) -> mcp_types.ReadResourceResult:
    """Return the result of the resource's tool, or the page of the run card.

    Raises:
        MCPError: There is no such resource, or it could not be read; the message says what to do.
    """
    protocol_version = scope.context.protocol_version
    if params.uri == run_card.URI and _has_card(scope):
        return mcp_types.ReadResourceResult(contents=[run_card.contents()])
    try:
        kind, values = find_resource(scope, params.uri)
    except InvalidArgumentError as error:
        raise _error(protocol_version, params.uri, sentence(str(error)), error.code) from None
    try:
        call = scope.open_call()
        reply = await call_tool(scope.tools[kind.tool], {**kind.arguments, **values}, call)
        structured, text = render(reply.with_next_steps_for(scope.tools), now=call.now)
    except Exception as error:  # noqa: BLE001 - as in a tool call: the reader gets a reason, the log a traceback
        failure = operation_error(error)
        worded = tool_error(
            failure,
            base_url=scope.settings.base_url,
            offered=scope.tools,
            tool=kind.tool,
            token_from=scope.token_from,
        )
        raise _error(protocol_version, params.uri, worded.text, failure.code) from None
    if not kind.as_text:
        # Clients put resources into the context of a model as they are, so JSON needs the marks too.
        if "untrusted" in structured:
            structured["untrusted"] = fenced(structured["untrusted"])
        text = json.dumps(structured, ensure_ascii=False, separators=(",", ":"))
    contents = mcp_types.TextResourceContents(uri=params.uri, mime_type=kind.mime_type, text=text)
    return mcp_types.ReadResourceResult(contents=[contents])


def find_resource(scope: RequestScope, uri: str) -> tuple[ResourceKind, dict[str, str]]:
    """Return the kind of a resource and the values of its parameters.

    Raises:
        InvalidArgumentError: There is no resource with this URI, or a parameter isn't an id.
    """
    kinds = offered_resources(scope)
    plain = _SCHEME.sub("mogplex://", without_quotes(uri[: _LONGEST_URI + 1]))
    for kind in kinds if len(uri) <= _LONGEST_URI else ():
        matched = kind.template.match(plain)
        if matched is None:
            matched = kind.template.match(plain.rstrip("/"))
        if matched is not None:
            # Every parameter is an id. A tool would take other values for something else, such as "the latest".
            return kind, {parameter: check_id(str(value), parameter) for parameter, value in matched.items()}
    known = ", ".join(kind.uri for kind in kinds)
    raise InvalidArgumentError(f"There is no resource {clean_line(uri, 100)}. There are {known}; put in an id")


def _has_card(scope: RequestScope) -> bool:
    return any(tool.card for tool in scope.tools.values())


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


def _error(protocol_version: str, uri: str, text: str, code: str) -> MCPError:
    if code not in _NOT_THERE:
        number = mcp_types.INTERNAL_ERROR
    elif protocol_version in MODERN_PROTOCOL_VERSIONS:
        number = mcp_types.INVALID_PARAMS
    else:
        number = _NOT_FOUND_2025
    return MCPError(number, text, {"uri": uri})
