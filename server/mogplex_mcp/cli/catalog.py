"""All commands, in the order of --help."""

import argparse
from typing import Final

from mogplex_mcp.cli.command import Argument, Command
from mogplex_mcp.cli.people import FOR_PEOPLE
from mogplex_mcp.installation.clients import CLIENTS, SCOPES

COMMANDS: Final = (
    Command(
        "http",
        "serve MCP over Streamable HTTP at /mcp; every caller brings its own token",
        "serving:http",
        serves=True,
    ),
    Command(
        "demo",
        "show the main job in a minute, on a simulated Mogplex: no account needed",
        "serving:demo",
        serves=True,
        settings=("demo_seconds", "log_level"),
    ),
    Command(
        "simulator",
        "serve a simulated Mogplex API on a port, for trying clients and programs",
        "serving:simulator",
        serves=True,
        settings=("host", "port", "demo_seconds", "log_level"),
    ),
    Command(
        "login",
        "keep your token in the keyring or a private file, so that no client's configuration has to hold it",
        "login:login",
        (
            # It is taken only to say why it is not.
            Argument("token", argparse.SUPPRESS, {"nargs": "*"}),
            Argument("--keyring", "in the operating system's keyring or nowhere", {"action": "store_true"}),
            Argument("--file", "in a file that only you can read and in no keyring", {"action": "store_true"}),
            Argument("--no-check", "without asking Mogplex whether it is valid", {"action": "store_true"}),
            Argument("--open", "open the web page on which tokens are created", {"action": "store_true"}),
        ),
    ),
    Command("logout", "forget the token that login kept", "login:logout"),
    Command(
        "doctor",
        "check token, network, journal, clients and versions; exit code 0 if all is well or only warned of, "
        "69 if Mogplex cannot be reached, 1 if something else is wrong",
        "doctor:doctor",
        (
            Argument("--json", "print one object instead of lines", {"action": "store_true"}),
            Argument("--offline", "do not ask the package index for a newer release", {"action": "store_true"}),
        ),
    ),
    Command(
        "install",
        "put this server into MCP clients; without a name: show which clients there are and where it is installed",
        "install:install",
        (
            Argument(
                "clients",
                f"{', '.join(client.name for client in CLIENTS)}; what else you give it to start with, such as "
                "--read-only or --demo, is written into the entry",
                {"nargs": "*", "metavar": "client"},
            ),
            Argument("--all", "all clients that are found on this machine", {"action": "store_true"}),
            Argument(
                "--scope",
                "for you everywhere (user), for all who work on this project (project), for you in it (local)",
                {"choices": SCOPES, "default": "user"},
            ),
            Argument("--name", "what the entry is called (default: mogplex)", {"default": "mogplex"}),
            Argument("--remove", "take the entry out instead", {"action": "store_true"}),
            Argument("--print", "show the entry and write nothing", {"action": "store_true"}),
            Argument("--yes", "do not ask before writing", {"action": "store_true"}),
            Argument(
                "--force",
                "also for a client that is not found, in place of another server, in a file of another user",
                {"action": "store_true"},
            ),
        ),
    ),
    *FOR_PEOPLE,
)
