"""The page of clients and frameworks: what to write where, how long a call may take, what each shows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from distribution.project import ENTRY, NAME, ROOT

from distribution import links
from docs.client_facts import FRAMEWORKS, OTHER_FRAMEWORKS, OTHER_PROGRAMS, PROGRAMS, Behaviour, Framework
from mogplex_mcp.installation.clients import CLIENTS, Client, ConfigLocation
from mogplex_mcp.installation.entry import snippet_for
from mogplex_mcp.installation.launch import Launch
from mogplex_mcp.tenants.call_timeouts import listed_cap

EXAMPLES: Final = ROOT / "examples"
LAUNCH: Final = Launch(links.COMMAND, (NAME,))

_COLUMNS: Final = ("One tool call", "To raise it", "Its model reads", "Progress", "Elicitation", "Resources")
_SYSTEMS: Final = {"darwin": "macOS", "linux": "Linux", "win32": "Windows"}
_FOLDERS: Final = {
    "{home}": "~",
    "{project}/": "",
    "{config}": "~/.config",
    "{appdata}": "%APPDATA%",
    "{localappdata}": "%LOCALAPPDATA%",
    "{claude}": "~",
    "{codex}": "~/.codex",
    "{gemini}": "~",
}

_BEGINNING: Final = f"""\
# Clients and frameworks

Made from the code by `python -m docs.generate`. What is said of other makers' programs is as of November 2026; "?"
stands for what neither their documentation nor a measurement says.

Run `{links.COMMAND} {NAME} login` once. It keeps your token where this server looks for it, so that no entry below
needs one, and `{links.COMMAND} {NAME} install NAME` writes these entries with a command that is found without a shell's
`PATH`. To give a token in the entry instead, add `"env": {{ "MOGPLEX_API_KEY": "mog_…" }}`, or `MOGPLEX_API_KEY_FILE`
with the path of a file.

## How long a call may take

Clients end a tool call that takes too long for them. `tail_run` therefore waits no longer than its client bears, as far
as that can be told from the name that the client gives itself; then it answers with a cursor, and the run goes on. A
client that cancels a wait nevertheless gets shorter ones from then on. Some Python frameworks end a call after five
seconds under the name that all of them share: raise their limit as shown below, or set `MOGPLEX_MCP_MAX_WAIT`.
"""

_BUNDLE: Final = """\
or with a double click on a bundle, which asks for the token and keeps it. From a checkout, with its environment active:

```sh
python -m distribution.bundle dist/bundle
npx @anthropic-ai/mcpb pack dist/bundle dist/mogplex-mcp.mcpb
```"""

_OVER_HTTP: Final = """\
## Over HTTP

Programs that take servers over HTTP need the address of [one that runs](deploying.md) and a token:

```json
{
  "mcpServers": {
    "mogplex": {
      "type": "http",
      "url": "http://127.0.0.1:8765/mcp",
      "headers": { "Authorization": "Bearer mog_YOUR_TOKEN" }
    }
  }
}
```
"""


def page() -> str:
    """The page as it has to be."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _BEGINNING
    yield from ("## Programs", "")
    yield from _heading("Program", "`tail_run` waits")
    for client in CLIENTS:
        behaviour = PROGRAMS[client.name]
        yield _row(f"[{client.title}](#{client.name})", behaviour, _wait(behaviour))
    for title, behaviour in OTHER_PROGRAMS.items():
        yield _row(title, behaviour, _wait(behaviour))
    for client in CLIENTS:
        yield from _client_lines(client)
    yield from ("", _OVER_HTTP)
    yield from ("## Frameworks", "", "Each example is run before a change lands, over stdio and HTTP.", "")
    yield from _heading("Framework", "Example")
    for one in FRAMEWORKS:
        yield _row(one.title, one.behaviour, f"[{one.example}](../examples/{one.example})")
    for title, behaviour in OTHER_FRAMEWORKS.items():
        yield _row(title, behaviour, "")
    for one in FRAMEWORKS:
        yield from _framework_lines(one)


def _heading(first: str, last: str) -> Iterator[str]:
    columns = (first, *_COLUMNS, last)
    yield f"| {' | '.join(columns)} |"
    yield "|---" * len(columns) + "|"


def _row(first: str, it: Behaviour, last: str) -> str:
    cells = (first, it.limit, it.raise_it, it.model_reads, it.progress, it.elicitation, it.resources, last)
    return f"| {' | '.join(cells)} |"


def _wait(behaviour: Behaviour) -> str:
    return f"{listed_cap(behaviour.name):g} s"


def _client_lines(client: Client) -> Iterator[str]:
    yield from ("", f'<a id="{client.name}"></a>', "", f"### {client.title}", "")
    yield from (f"`{links.COMMAND} {NAME} install {client.name}`, or by hand:", "", *_files(client))
    yield from ("", f"```{client.format}", snippet_for(client, LAUNCH, ENTRY).rstrip("\n"), "```", "")
    if client.name == "claude-desktop":
        yield from (_BUNDLE, "")
    if client.name == "claude-code":
        yield from (f"or `claude mcp add {ENTRY} -- {links.COMMAND} {NAME}`.", "")
    if client.name == "cursor":
        yield from (f"or [Add to Cursor]({links.cursor()}).", "")
    if client.name == "vscode":
        yield from (f"or [Add to VS Code]({links.vscode()}), which asks for a token and keeps it.", "")
    yield from (client.restart, f"Its maker's page: <{client.page}>.")


def _files(client: Client) -> Iterator[str]:
    by_system = {
        title: ", ".join(_file(location) for location in client.user if system in location.platforms)
        for system, title in _SYSTEMS.items()
    }
    if len(set(by_system.values())) == 1:
        by_system = {"everywhere": by_system["Linux"]}
    for title, files in by_system.items():
        yield f"- {title}: {files}"
    for location in client.project:
        yield f"- in a project: {_file(location)}"


def _file(location: ConfigLocation) -> str:
    path = f"{location.folder}/{location.names[0]}"
    for word, shown in _FOLDERS.items():
        path = path.replace(word, shown)
    return f"`{path.replace('/', chr(92)) if location.platforms == ('win32',) else path}`"


def _framework_lines(one: Framework) -> Iterator[str]:
    path = EXAMPLES / one.example
    format = "python" if path.suffix == ".py" else "js"
    yield from ("", f"### {one.title}", "", f"From [{one.example}](../examples/{one.example}):", "")
    yield from (f"```{format}", connection(path), "```")


def connection(path: Path) -> str:
    """The part of an example that connects to the server, and the constants that it uses."""
    text = path.read_text(encoding="utf-8")
    constants = "\n".join(re.findall(r"^(?:const \w+|[A-Z_]+) = .*", text, re.MULTILINE))
    if path.suffix == ".py":
        parts = [
            ast.get_source_segment(text, node) or ""
            for node in ast.parse(text).body
            if isinstance(node, ast.FunctionDef) and node.name in ("over_stdio", "over_http")
        ]
    else:
        pattern = r"^/\*\*[^\n]*\*/\nexport function over(?:Stdio|Http)\(.*?^}"
        parts = re.findall(pattern, text, re.MULTILINE | re.DOTALL)
    between = "\n\n\n" if path.suffix == ".py" else "\n\n"
    return between.join(part for part in (constants, *parts) if part)
