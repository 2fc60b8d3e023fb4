"""Arguments that hosts add to the calls of a model. They mean nothing to a tool, and are dropped.

The table holds what was reported of each host; what looks like an identifier of the host's own is recognised by its
form, since new hosts come with new names.
"""

import re
from collections.abc import Mapping
from typing import Final

HOST_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "n8n": ("toolCallId", "sessionId", "action", "chatInput", "tool"),  # n8n-io/n8n, issue 21500
    "Cline": ("task_progress",),  # cline/cline, issue 10426
    "CrewAI": ("security_context",),  # crewAIInc/crewAI, pull request 4841
    "Gemini CLI": ("wait_for_previous",),
    "OpenHands": ("security_risk", "summary"),
}
"""By host, the arguments that it adds or makes its model add."""

_KNOWN: Final = frozenset(name.replace("_", "").lower() for names in HOST_FIELDS.values() for name in names)
_OWN_IDENTIFIER: Final = re.compile(
    r"(?:session|conversation|thread|chat|message|request|response|trace|span|correlation|call|tool_?call|turn|user"
    r"|execution|workflow|invocation|event|client|tenant|mcp_session|parent)_?(?:uu)?id"
)


def is_host_field(name: str) -> bool:
    """Return whether a host is known to add an argument of this name, in whatever spelling."""
    return name.startswith("_") or name.replace("_", "").replace("-", "").lower() in _KNOWN


def is_host_identifier(name: str) -> bool:
    """Return whether the name is that of an identifier which a host gives its own things, such as `conversationId`.

    Args:
        name: The name, in snake case.
    """
    return _OWN_IDENTIFIER.fullmatch(name) is not None
