"""Asking an entry for its state: it is started as its client starts it, with no more environment than that gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

from mogplex_mcp.installation.installed import InstalledEntry

_CHECK: Final = "check_connection"
# Words of the notes that are about settings: others, such as a shared state file, are no fault of an entry.
_ABOUT_SETTINGS: Final = ("placeholder", "is invalid")


@dataclass(frozen=True)
class EntryState:
    """What a started entry says.

    Attributes:
        tools: The number of its tools.
        is_connected: Whether it says that it is connected; False also if its selection leaves out the tool for it.
        problem: Why it is not connected; "" if it is, or can't be asked.
        notes: What it says about its settings.
    """

    tools: int
    is_connected: bool = False
    problem: str = ""
    notes: tuple[str, ...] = ()


async def ask_entry(entry: InstalledEntry, shell: Mapping[str, str], stderr: IO[str]) -> EntryState:
    """Start an entry, list its tools and call check_connection. The process has ended when this returns.

    Args:
        entry: The entry.
        shell: Variables of this shell, for clients that pass some of them on.
        stderr: Where the process writes its errors.
    """
    import mcp_types  # noqa: PLC0415 - slow to import, and only needed with entries
    from mcp import Client, StdioServerParameters, stdio_client  # noqa: PLC0415 - the same

    own = {name: secret.value for name, secret in entry.environment.items()}
    # Only the client knows what these stand for.
    own = {name: value for name, value in own.items() if not value.startswith(entry.client.fills)}
    passed_on = {name: shell[name] for name in entry.forwarded if name in shell}
    server = StdioServerParameters(command=entry.command, args=list(entry.args), env=passed_on | own)
    me = mcp_types.Implementation(name="mogplex-mcp-doctor", version="1")
    async with Client(stdio_client(server, errlog=stderr), client_info=me) as client:  # type: ignore[arg-type] # any text file
        names = {tool.name for tool in (await client.list_tools()).tools}
        if _CHECK not in names:
            return EntryState(len(names))
        result = await client.call_tool(_CHECK, {})
    text = " ".join(getattr(content, "text", "") for content in result.content)
    said: Any = result.structured_content
    if not isinstance(said, dict) or "connected" not in said:
        return EntryState(len(names), problem=text)
    notes = tuple(str(note) for note in said.get("notes", ()) if any(word in str(note) for word in _ABOUT_SETTINGS))
    problem = "" if said["connected"] else str(said.get("summary", text))
    return EntryState(len(names), is_connected=not problem, problem=problem, notes=notes)
