"""How a command is declared: data, so that help, parser and shell completion are made of one table."""

import importlib
from argparse import Namespace
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, cast

from mogplex_mcp.config.options import Option
from mogplex_mcp.config.settings import Settings

Program = Callable[[Settings, Namespace], Awaitable[int]]
"""What a command does, with the user's choices and what was given to it; returns the exit code."""


@dataclass(frozen=True)
class Argument:
    """One argument of a command.

    Attributes:
        name: `repo` for one that stands by itself, `--repo` for an option; it must not be the name of a setting.
        help: One line for --help.
        more: What `argparse` is told beside: `metavar`, `nargs`, `choices`, `action`, …
    """

    name: str
    help: str
    more: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True)
class Command:
    """One command, or a word that has commands below it.

    Attributes:
        name: The word that a user types.
        purpose: Half a sentence for --help, without a capital and without a full stop.
        program: Where its `Program` is, as `module:function` below this package; empty where commands are below it.
        arguments: What it takes.
        commands: What is below it.
        serves: Whether it serves MCP or Mogplex, so that settings are about it; the others show their arguments alone.
        settings: Those that change anything here, where they are few; empty for all.
        details: What else --help says, in whole sentences.
        example: One command line that is worth trying; without the name of the program.
    """

    name: str
    purpose: str
    program: str = ""
    arguments: tuple[Argument, ...] = ()
    commands: tuple["Command", ...] = ()
    serves: bool = False
    settings: tuple[str, ...] = ()
    details: str = ""
    example: str = ""

    def takes(self, option: Option) -> bool:
        """Whether a choice of the user belongs to this command."""
        if self.settings:
            return option.setting in self.settings
        return not option.commands or self.name in option.commands

    def load(self) -> Program:
        """Import what the command does."""
        module, _, function = self.program.partition(":")
        return cast("Program", getattr(importlib.import_module(f"{__package__}.{module}"), function))


STDIO: Final = Command("", "serve MCP on stdin and stdout", "serving:stdio", serves=True)
"""What is done without a word: clients start it so."""
