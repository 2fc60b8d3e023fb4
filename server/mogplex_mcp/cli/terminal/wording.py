"""What tools tell a model, told to a person: the tools that it names are commands here."""

import re
from collections.abc import Mapping
from typing import Final

from mogplex_mcp.tools.catalog import TOOLSETS

_COMMANDS: Final[Mapping[str, str]] = {
    "check_connection": "doctor",
    "list_repos": "repos list",
    "start_run": "run",
    "tail_run": "runs events",
    "get_run": "runs get",
    "list_runs": "runs list",
    "cancel_run": "runs cancel",
    "list_sandboxes": "sandboxes list",
    "create_sandbox": "sandboxes create",
    "get_sandbox_logs": "sandboxes logs",
    "list_automations": "automations list",
    "get_automation": "automations get",
    "trigger_automation": "automations trigger",
    "list_automation_runs": "automations runs",
    "get_automation_run": "automations get-run",
}
_TOOL: Final = re.compile(rf"\b({'|'.join(tool.name for toolset in TOOLSETS for tool in toolset.tools)})\b")
_PHRASES: Final = (
    (re.compile(r"\bCalling \w+ again with the same arguments"), "Running the same command again"),
    (re.compile(r"\bCall \w+ again"), "Run the same command again"),
    (re.compile(r"\bcall (?:\w+|it) again"), "run the same command again"),
    (re.compile(r"\bcall (\w+) with force_new"), r"add --force-new to \1"),
    (re.compile(r"\bforce_new\b"), "--force-new"),
    (re.compile(r"\braise limit\b"), "raise --limit"),
    (re.compile(r"\bcall (?=(?:\w+_)+\w+)"), "run "),
    (re.compile(r"\bthe user really wants\b"), "you really want"),
    (re.compile(r"\bThe user has\b"), "You have"),
    (re.compile(r"\bthe user agrees\b"), "you agree"),
    (re.compile(r"\bthe user can\b"), "you can"),
)


def for_people(text: str) -> str:
    """The text with commands in place of tools, and with "you" for the user."""
    for told_to_models, told_to_people in _PHRASES:
        text = told_to_models.sub(told_to_people, text)
    return _TOOL.sub(lambda tool: f"`mogplex-mcp {_COMMANDS.get(tool[1], f'call {tool[1]}')}`", text)
