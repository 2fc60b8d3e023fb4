"""The layout of --help: wrapped to the terminal, commands and options in groups."""

import argparse
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mogplex_mcp.cli.command import Command
from mogplex_mcp.config.options import Option

COMMAND_GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "Set up": ("login", "logout", "install", "doctor", "completion"),
    "Try without an account": ("demo", "simulator"),
    "Work in a terminal": ("run", "runs", "repos", "sandboxes", "automations", "call"),
    "Serve over HTTP": ("http",),
}
OPTION_GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "token and address": ("api_key_file", "base_url"),
    "HTTP": ("host", "port", "allowed_hosts", "max_requests", "max_requests_per_caller"),
    "tools": (
        *("toolsets", "tools", "exclude_tools", "read_only", "allow_destructive", "allow_secrets_in_prompts"),
        *("default_repo", "max_wait"),
    ),
    "journal": ("state_file", "without_journal", "remember_prompts", "database_url"),
    "demo": ("demo", "demo_seconds"),
}
_WIDTH: Final = 100
_NAMES: Final = 13


class HelpFormatter(argparse.HelpFormatter):
    """Wrap descriptions to the terminal line by line; lines with a command of this program stay whole.

    A tab separates the name of a command from its description.
    """

    def __init__(self, prog: str, **kwargs: Any) -> None:
        width = min(shutil.get_terminal_size().columns - 2, _WIDTH)
        super().__init__(prog, **{"width": width, **kwargs})

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(_filled(line, width, indent) for line in text.splitlines())


def grouped(commands: Sequence[Command]) -> str:
    """Return the commands with their descriptions, in groups."""
    return "\n\n".join(
        "\n".join([f"{title}:", *(f"{one.name}\t{one.summary}" for one in commands if one.name in names)])
        for title, names in COMMAND_GROUPS.items()
    )


def option_groups(options: Sequence[Option]) -> Iterator[tuple[str, Sequence[Option]]]:
    """Yield the titles of groups with their options; those of no group come last."""
    grouped_settings = {setting for settings in OPTION_GROUPS.values() for setting in settings}
    for title, settings in OPTION_GROUPS.items():
        if members := [option for option in options if option.flag and option.setting in settings]:
            yield title, members
    if others := [option for option in options if option.flag and option.setting not in grouped_settings]:
        yield "start and log", others


def _filled(line: str, width: int, indent: str) -> str:
    name, tab, description = line.partition("\t")
    if tab:
        return textwrap.fill(
            description,
            width,
            initial_indent=f"{indent}  {name:<{_NAMES}}",
            subsequent_indent=f"{indent}{'':<{_NAMES + 2}}",
        )
    if line.startswith("  mogplex-mcp "):
        return indent + line
    own = indent + line[: len(line) - len(line.lstrip())]
    return textwrap.fill(line.strip(), width, initial_indent=own, subsequent_indent=own, break_on_hyphens=False)
