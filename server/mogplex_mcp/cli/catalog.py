"""The table of all commands, in the order of --help."""

import argparse
from typing import Final

from mogplex_mcp.cli.command import Command, CommandArgument
from mogplex_mcp.cli.terminal_commands import TERMINAL_COMMANDS
from mogplex_mcp.installation.client import SCOPES
from mogplex_mcp.installation.clients import CLIENTS

_YES: Final = CommandArgument(
    "--yes", "do it without asking for confirmation; needed where there is no terminal", {"action": "store_true"}
)

COMMANDS: Final = (
    Command(
        "http",
        "serve MCP over Streamable HTTP at /mcp; every caller brings its own token",
        "serving:http",
        serves=True,
    ),
    Command(
        "demo",
        "follow a simulated run from start to pull request in ten seconds; needs no account",
        "serving:demo",
        serves=True,
        settings=("demo_seconds", "log_level"),
    ),
    Command(
        "simulator",
        "serve a simulated Mogplex API on a port, for testing clients and programs",
        "serving:simulator",
        (
            CommandArgument(
                "modes",
                "what this Mogplex lacks or suffers from: no-pr-reviews, env-vars, no-funds, no-github, failed-boot, "
                "inactive-automations, queue-down, queue-hung, outage, signed-in, consent-page, short-tokens, "
                "rotating-refresh, refused-refresh",
                {"nargs": "*", "metavar": "mode"},
            ),
        ),
        serves=True,
        settings=("host", "port", "demo_seconds", "log_level"),
    ),
    Command(
        "login",
        "sign in with your browser, so that no client's configuration has to contain a token",
        "login:login",
        (
            # Accepted only to explain why a token must not be an argument.
            CommandArgument("token", argparse.SUPPRESS, {"nargs": "*"}),
            CommandArgument(
                "--browser",
                "sign in with a browser, also without a terminal; with --no-browser the address is only printed",
                {"action": argparse.BooleanOptionalAction, "default": None},
            ),
            CommandArgument(
                "--token",
                "ask for a personal access token instead (without a terminal: read it from stdin, with --yes)",
                {"action": "store_true", "dest": "ask_token"},
            ),
            CommandArgument("--keyring", "use the operating system's keyring only", {"action": "store_true"}),
            CommandArgument("--file", "use a file that only you can read, and no keyring", {"action": "store_true"}),
            CommandArgument(
                "--no-check", "with a token: store it without checking it with Mogplex", {"action": "store_true"}
            ),
            CommandArgument("--open", "with a token: open the web page where it is created", {"action": "store_true"}),
            _YES,
        ),
        details="What comes of it is stored in the keyring or a private file (on macOS in the file, unless --keyring "
        "is given), and refreshed before it expires. With --read-only only the scope read is asked for.",
    ),
    Command("logout", "remove what login stored, and revoke it where Mogplex can", "login:logout", (_YES,)),
    Command(
        "doctor",
        "check token, network, journal, clients and versions; exit status 0 if nothing failed, "
        "69 if Mogplex cannot be reached, otherwise 1",
        "doctor:doctor",
        (
            CommandArgument("--json", "print one JSON object instead of text", {"action": "store_true"}),
            CommandArgument(
                "--offline", "do not check the package index for a newer release", {"action": "store_true"}
            ),
        ),
        is_lenient=True,
    ),
    Command(
        "install",
        "add this server to MCP clients; without a name: list the clients and where it is installed",
        "install:install",
        (
            CommandArgument(
                "clients",
                f"{', '.join(client.name for client in CLIENTS)}; further options of the server, such as "
                "--read-only or --demo, are written into the entry",
                {"nargs": "*", "metavar": "client"},
            ),
            CommandArgument("--all", "all clients found on this machine", {"action": "store_true"}),
            CommandArgument(
                "--scope",
                "for you everywhere (user), for everyone in this project (project), for you in this project (local)",
                {"choices": SCOPES, "default": "user"},
            ),
            CommandArgument("--name", "name of the entry (default: mogplex)", {"default": "mogplex"}),
            CommandArgument("--remove", "remove the entry", {"action": "store_true"}),
            CommandArgument(
                "--wsl",
                "in WSL: for clients on Windows, which start this server in this Linux",
                {"action": "store_true"},
            ),
            CommandArgument("--print", "print the entry and write nothing", {"action": "store_true"}),
            CommandArgument(
                "--drop-token",
                "remove a token from the entry, so that the one that login stored is used",
                {"action": "store_true"},
            ),
            _YES,
            CommandArgument(
                "--force",
                "write even if the client is not found or running, the entry is of another server, or the file of "
                "another user",
                {"action": "store_true"},
            ),
        ),
    ),
    *TERMINAL_COMMANDS,
)
