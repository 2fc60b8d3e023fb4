"""Declarations of commands: one table from which the parser, the help and the shell completion are made."""

import importlib
from argparse import Namespace
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, cast

from mogplex_mcp.config.options import Option
from mogplex_mcp.config.settings import Settings

Handler = Callable[[Settings, Namespace], Awaitable[int]]
"""Run a command with the user's settings and its parsed arguments; return the exit status."""


@dataclass(frozen=True)
class CommandArgument:
    """One argument of a command.

    Attributes:
        name: `repo` for a positional argument, `--repo` for an option; it must not be the name of a setting.
        help: One line for --help.
        kwargs: Further keyword arguments of `add_argument`: `metavar`, `nargs`, `choices`, `action`, …
    """

    name: str
    help: str
    kwargs: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Command:
    """One command, or a group of subcommands.

    Attributes:
        name: The name on the command line.
        summary: Half a sentence for --help, without a capital and without a full stop.
        handler: Where its `Handler` is, as `module:function` below this package; empty for a group.
        arguments: Its arguments.
        commands: Its subcommands.
        serves: Whether it serves MCP or Mogplex: its help lists the settings; others list their arguments only.
        settings: The settings it uses, where they are few; empty for all.
        details: Further sentences for --help.
        example: A command line worth trying, without the name of the program.
        is_lenient: Whether it explains invalid settings itself: clients show nothing of a server that exits.
    """

    name: str
    summary: str
    handler: str = ""
    arguments: tuple[CommandArgument, ...] = ()
    commands: tuple["Command", ...] = ()
    serves: bool = False
    settings: tuple[str, ...] = ()
    details: str = ""
    example: str = ""
    is_lenient: bool = False

    def accepts(self, option: Option) -> bool:
        """Return whether a setting can be given to this command."""
        if self.settings:
            return option.setting in self.settings
        return not option.commands or self.name in option.commands

    def load(self) -> Handler:
        """Import and return the handler."""
        module, _, function = self.handler.partition(":")
        return cast("Handler", getattr(importlib.import_module(f"{__package__}.{module}"), function))


STDIO: Final = Command("", "serve MCP on stdin and stdout", "serving:stdio", serves=True, is_lenient=True)
"""The default command: MCP clients start the program without arguments."""
