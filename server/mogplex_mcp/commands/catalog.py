"""All commands, in the order of --help."""

from typing import Final

from mogplex_mcp.commands.command import Command

STDIO: Final = Command("", "serve MCP on stdin and stdout", "serving:stdio", serves=True)

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
    ),
    Command(
        "simulator",
        "serve a simulated Mogplex API on a port, for trying clients and programs",
        "serving:simulator",
        serves=True,
    ),
)
