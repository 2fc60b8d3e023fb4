"""Arguments that hosts add to the calls of a model. They mean nothing to a tool, and are dropped.

The table holds what hosts were reported to add or make their models add.
"""

from collections.abc import Mapping
from typing import Final

HOST_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "n8n": ("toolCallId", "sessionId", "action", "chatInput", "tool"),  # n8n-io/n8n, issue 21500
    "Cline": ("task_progress",),  # cline/cline, issue 10426
    "CrewAI": ("security_context",),  # crewAIInc/crewAI, pull request 4841
    "Cursor": ("explanation", "random_string"),  # its own tools have the first; tools without arguments get the second
    "Gemini CLI": ("wait_for_previous",),
    "Letta": ("request_heartbeat", "inner_thoughts", "thinking"),
    "OpenHands": ("security_risk", "summary"),
    "Retell AI": ("execution_message",),
    "Windsurf": ("toolSummary", "toolAction", "waitForPreviousTools"),
}
"""By host, the arguments that it adds or makes its model add."""

_KNOWN: Final = frozenset(name.replace("_", "").lower() for names in HOST_FIELDS.values() for name in names)


def is_host_field(name: str) -> bool:
    """Return whether a host is known to add an argument of this name, in whatever spelling."""
    return name.startswith("_") or name.replace("_", "").replace("-", "").lower() in _KNOWN
