"""The MCP bundle: a file that Claude Desktop and other programs install with a double click.

Compiled packages such as pydantic's core differ by system, so none are in it. It is of the type `uv`: the program that
installs the bundle has uv make the environment that the bundle's `pyproject.toml` describes.

`python -m distribution.bundle FOLDER` writes its files; then `npx @anthropic-ai/mcpb pack FOLDER mogplex-mcp.mcpb`.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from distribution import built_answers
from distribution.project import DESCRIPTION, ENTRY, HOMEPAGE, NAME, PROJECT, ROOT, TITLE
from mogplex_mcp import __version__
from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.core.redaction import Secret
from mogplex_mcp.server.prompts import PROMPTS
from mogplex_mcp.startup.built_answers import FOLDER
from mogplex_mcp.tools.catalog import TOOLSETS

ICON: Final = Path(__file__).parent / "icon.png"
ENTRY_POINT: Final = "server/main.py"
# The settings that the host asks for, with their titles.
SETTINGS: Final = {
    "api_key": "Mogplex token",
    "default_repo": "Repository",
    "read_only": "Read only",
    "toolsets": "Toolsets",
}

_MODULE, _, _FUNCTION = PROJECT["scripts"][NAME].partition(":")
_PROGRAM: Final = f'''\
"""The entry point of the bundle."""

from {_MODULE} import {_FUNCTION}

{_FUNCTION}()
'''


def manifest() -> dict[str, Any]:
    """Return the bundle's `manifest.json`, version 0.4."""
    settings = {option.setting: option for option in OPTIONS if option.setting in SETTINGS}
    tools = [tool for toolset in TOOLSETS if toolset.by_default for tool in toolset.tools]
    return {
        "manifest_version": "0.4",
        "name": NAME,
        "display_name": TITLE,
        "version": __version__,
        "description": DESCRIPTION,
        "author": {"name": f"The authors of {NAME}", "url": HOMEPAGE},
        "homepage": HOMEPAGE,
        "icon": ICON.name,
        "server": {
            "type": "uv",
            "entry_point": ENTRY_POINT,
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--directory", "${__dirname}", ENTRY_POINT],
                "env": {option.environment[0]: f"${{user_config.{name}}}" for name, option in settings.items()},
            },
        },
        # The rest depends on options and on the protocol version.
        "tools": [{"name": tool.name, "description": tool.title} for tool in tools],
        "tools_generated": True,
        "prompts": list(_prompts({tool.name for tool in tools})),
        "prompts_generated": True,
        "keywords": PROJECT["keywords"],
        "license": PROJECT["license"],
        "compatibility": {
            "platforms": ["darwin", "win32", "linux"],
            "runtimes": {"python": PROJECT["requires-python"]},
        },
        "user_config": {name: _setting(name) for name in SETTINGS},
    }


def _setting(name: str) -> dict[str, Any]:
    (option,) = (option for option in OPTIONS if option.setting == name)
    # Each has a default, since hosts pass on placeholders without a value. An empty one counts as not set, and the
    # token stored by `mogplex-mcp login` is used.
    setting = {"title": SETTINGS[name], "description": option.help, "required": False}
    if not option.metavar and option.read is not Secret:
        return {"type": "boolean", **setting, "default": False}
    return {"type": "string", **setting, "default": "", **({"sensitive": True} if option.read is Secret else {})}


def _prompts(tools: set[str]) -> Iterator[dict[str, Any]]:
    for prompt in PROMPTS:
        if prompt.needs <= tools:
            arguments = [one.name for one in prompt.arguments if one.required]
            values = {one.name: f"${{arguments.{one.name}}}" if one.required else "" for one in prompt.arguments}
            yield {
                "name": prompt.name,
                "description": prompt.description,
                "arguments": arguments,
                "text": prompt.write(values, tools),
            }


def write(folder: Path) -> None:
    """Write the files of the bundle into a folder, which is created if needed and must be empty."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    (folder / "manifest.json").write_text(json.dumps(manifest(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "pyproject.toml").write_text(_environment(), encoding="utf-8")
    shutil.copy(ICON, folder)
    shutil.copy(ROOT / "LICENSE", folder)
    sources = ROOT / "server" / "mogplex_mcp"
    shutil.copytree(sources, folder / "server" / sources.name, ignore=shutil.ignore_patterns("__pycache__"))
    built_answers.write(folder / FOLDER.relative_to(ROOT))
    (folder / ENTRY_POINT).write_text(_PROGRAM, encoding="utf-8")


def _environment() -> str:
    """Return the bundle's `pyproject.toml`: the server's dependencies, and the keyring that may have its token."""
    needed = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["keyring"]]
    return (
        f'[project]\nname = "{ENTRY}-bundle"\nversion = "{__version__}"\n'
        f'requires-python = "{PROJECT["requires-python"]}"\ndependencies = {json.dumps(needed, indent=4)}\n\n'
        "[tool.uv]\npackage = false\n"
    )


if __name__ == "__main__":
    write(Path(sys.argv[1]))
