"""Rows of the table of clients that several programs share: editors made from VS Code, programs made from OpenCode."""

from collections.abc import Iterator
from typing import Any, Final

from mogplex_mcp.installation.client import LENIENT, Client, ConfigLocation

# A call with an elicitation takes as long as the user does; one that only waits ends long before.
TOOL_CALL_SECONDS: Final = 300
MILLISECONDS: Final = {"timeout": TOOL_CALL_SECONDS * 1_000}
STDIO: Final[dict[str, Any]] = {"type": "stdio"}
MCP_JSON: Final = ("mcp.json",)
# Where VS Code and the editors made from it keep their folder.
_EDITORS: Final = {"darwin": "{home}/Library/Application Support", "linux": "{config}", "win32": "{appdata}"}


def editor(
    product: str, folder: str = "", names: tuple[str, ...] = MCP_JSON, *, flatpak: str = ""
) -> Iterator[ConfigLocation]:
    """Yield the locations of an editor made from VS Code: its user folder and profiles, or an extension."""
    for platform, parent in _EDITORS.items():
        user = f"{parent}/{product}/User"
        if folder:
            yield ConfigLocation(f"{user}/{folder}", names, (platform,), "also")
        else:
            yield ConfigLocation(user, MCP_JSON, (platform,))
            yield ConfigLocation(f"{user}/profiles/*", MCP_JSON, (platform,), "also")
    if flatpak:
        yield ConfigLocation(f"{{home}}/.var/app/{flatpak}/config/{product}/User", MCP_JSON, ("linux",), "also")


def vscode(name: str, title: str, product: str, flatpak: str) -> Client:
    """Return the row of an edition of VS Code."""
    return Client(
        name,
        title,
        "https://code.visualstudio.com/docs/copilot/reference/mcp-configuration",
        user=tuple(editor(product, flatpak=flatpak)),
        project=(ConfigLocation("{project}/.vscode", MCP_JSON),),
        entries=("servers",),
        accepts=LENIENT,
        leading_fields=STDIO,
        fills=("${",),
        restart=f"Start the server with “MCP: List Servers” in {title}, if it does not start by itself.",
        note="Settings Sync carries this file to your other machines, where the command may not exist.",
    )


def opencode(name: str, title: str, page: str) -> Client:
    """Return the row of OpenCode or of a program made from it."""
    files = (f"{name}.json", f"{name}.jsonc")
    return Client(
        name,
        title,
        page,
        user=(ConfigLocation(f"{{config}}/{name}", files),),
        project=(ConfigLocation("{project}", files),),
        entries=("mcp",),
        accepts=LENIENT,
        leading_fields={"type": "local"},
        trailing_fields={"enabled": True, **MILLISECONDS},
        command_is_list=True,
        variables="environment",
        fills=("{env:", "{file:"),
        restart=f"Start {title} again.",
    )
