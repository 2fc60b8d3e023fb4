"""Makes what follows from the code: the pages of tools and of clients, parts of the README, `server.json`.

`python -m docs.generate` rewrites all of them; tests compare them with what this makes.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from distribution import links, registry
from docs import clients_page
from mogplex_mcp.server.prompts import KINDS as PROMPTS
from mogplex_mcp.server.resources import KINDS as RESOURCES
from mogplex_mcp.toolkit.toolset import Hints, Tool
from mogplex_mcp.tools.catalog import TOOLSETS

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = ROOT / "docs" / "tools.md"
CLIENTS_PAGE: Final = ROOT / "docs" / "clients.md"
README: Final = ROOT / "README.md"


def page() -> str:
    """The reference: every tool with its arguments and what it answers, every resource and prompt."""
    return "\n".join(_page_lines()) + "\n"


def readme() -> str:
    """The README with the parts that are made from the code as they should be."""
    text = _with_part(README.read_text(), "links", links.buttons())
    return _with_part(text, "tools", "\n".join(_table_lines()))


def _with_part(text: str, name: str, part: str) -> str:
    before, start, rest = text.partition(f"<!-- {name}: made by docs/generate.py -->\n")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    return before + start + part + "\n" + end + after


def _table_lines() -> Iterator[str]:
    yield "| Toolset | Tools | By default |"
    yield "|---|---|---|"
    for toolset in TOOLSETS:
        names = ", ".join(f"[`{tool.name}`](docs/tools.md#{tool.name})" for tool in toolset.tools)
        yield f"| {toolset.name} | {names} | {'on' if toolset.by_default else 'opt-in'} |"


def _page_lines() -> Iterator[str]:
    yield "# Tools, resources and prompts"
    yield ""
    yield "Made from the code by `python -m docs.generate`: what is written here is what clients are told."
    for toolset in TOOLSETS:
        default = "On by default." if toolset.by_default else f"Opt-in: `--toolsets {toolset.name}`."
        yield from ("", f"## {toolset.name}", "", f"{toolset.description} {default}")
        for tool in toolset.tools:
            yield from _tool_lines(tool)
    yield from ("", "## Resources", "", "| Address | What it is |", "|---|---|")
    for kind in RESOURCES:
        yield f"| `{kind.uri}` | {kind.description} |"
    yield from ("", "## Prompts", "", "| Prompt | What it is for | Arguments |", "|---|---|---|")
    for prompt in PROMPTS:
        definition = prompt.definition
        arguments = ", ".join(
            f"`{one.name}`{'' if one.required else ' (optional)'}" for one in definition.arguments or []
        )
        yield f"| `{definition.name}` | {definition.description} | {arguments} |"


def _tool_lines(tool: Tool) -> Iterator[str]:
    yield from ("", f"### {tool.name}", "", f"*{tool.title}; {_hints(tool.hints)}.* {tool.description}")
    schema = tool.definition.input_schema
    if schema["properties"]:
        yield from ("", "| Argument | Type | Default | |", "|---|---|---|---|")
    for name, one in schema["properties"].items():
        default = (
            "required" if name in schema.get("required", []) else _shown(tool.arguments.model_fields[name].default)
        )
        yield f"| `{name}` | {_type(one)} | {default} | {one.get('description', '').replace('|', chr(92) + '|')} |"
    answers = ", ".join(f"`{name}`" for name in (tool.definition.output_schema or {})["properties"])
    yield from ("", f"Answers with {answers}.")


def _hints(hints: Hints) -> str:
    if hints.reads_only:
        return "reads only"
    parts = ["writes", "destructive" if hints.destructive else "adds only"]
    return ", ".join([*parts, *(["safe to repeat"] if hints.idempotent else [])])


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{option}`" for option in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    return str(schema.get("type", "any"))


def _shown(default: Any) -> str:
    return f"`{default}`".lower() if default not in ("", None, [], {}) else ""


def main() -> None:
    """Rewrite all."""
    PAGE.write_text(page())
    CLIENTS_PAGE.write_text(clients_page.page())
    registry.FILE.write_text(json.dumps(registry.server_json(), indent=2, ensure_ascii=False) + "\n")
    README.write_text(readme())


if __name__ == "__main__":
    main()
