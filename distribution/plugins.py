"""Plugins for Claude Code, Cursor, Codex and hosts of Agent Plugins, and the extension of Gemini CLI.

One folder, `plugins/mogplex`, is the plugin of all hosts: each reads the manifest that it knows, and they share the
skill and the commands. Gemini's manifest and the lists from which the other hosts install it must be at the root of a
repository.

`python -m docs.generate` writes the files; the skill is written by hand. No file has a token: Claude Code and Gemini
CLI ask for it, and keep it in the keychain; Cursor asks for it; Codex passes on the variable of its environment.
Without one, the token that `mogplex-mcp login` stored is used.

Formats, as of November 2026: code.claude.com/docs/en/plugins-reference, cursor.com/docs/plugins/building,
developers.openai.com/plugins/build/plugins.md, geminicli.com/docs/extensions/reference.md and agent-plugins.org.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from distribution.bundle import SETTINGS
from distribution.links import COMMAND, TOKEN_INPUT
from distribution.project import DESCRIPTION, ENTRY, HOMEPAGE, NAME, PROJECT, ROOT, TITLE
from mogplex_mcp import __version__
from mogplex_mcp.server.prompts import PROMPTS, Prompt
from mogplex_mcp.tools.catalog import TOOLSETS

FOLDER: Final = PurePosixPath("plugins") / ENTRY
SKILL: Final = FOLDER / "skills" / "mogplex-terminal" / "SKILL.md"
TOKEN: Final = "MOGPLEX_API_KEY"  # noqa: S105 - the name of the variable
# Codex gives a server's tools to a turn only if they are there within about a second, unless the server is required,
# and ends a call after the configured time (its default was 60 seconds for a long time).
CODEX_TIMEOUT_SECONDS: Final = 300

_AUTHOR: Final = {"name": f"The authors of {NAME}", "url": HOMEPAGE}
_OWNER: Final = {"name": _AUTHOR["name"]}
_AGENT_PLUGINS: Final = "https://agent-plugins.org/schemas/1.0.0"
_ARGS: Final = [NAME]
_TITLE: Final = SETTINGS["api_key"]
_HELP: Final = TOKEN_INPUT["description"]


def files() -> Mapping[PurePosixPath, str]:
    """Return the content of each generated file, by its path in the repository."""
    documents: dict[str | PurePosixPath, dict[str, Any]] = {
        ".claude-plugin/marketplace.json": _marketplace(_OWNER | {"url": HOMEPAGE}, f"./{FOLDER}"),
        ".cursor-plugin/marketplace.json": _marketplace(_OWNER, str(FOLDER)),
        ".agents/plugins/marketplace.json": _codex_marketplace(),
        "gemini-extension.json": _gemini(),
        FOLDER / ".claude-plugin" / "plugin.json": _claude(),
        FOLDER / ".cursor-plugin" / "plugin.json": _cursor(),
        FOLDER / ".codex-plugin" / "plugin.json": _codex(),
        FOLDER / "plugin.json": {"$schema": f"{_AGENT_PLUGINS}/plugin.schema.json", **_about()},
        FOLDER / "mcp.json": {
            "$schema": f"{_AGENT_PLUGINS}/mcp.schema.json",
            "mcpServers": {ENTRY: {"type": "stdio", "command": COMMAND, "args": _ARGS}},
        },
    }
    texts = {PurePosixPath(path): _text(document) for path, document in documents.items()}
    return texts | {FOLDER / "commands" / f"{name}.md": text for name, text in _commands()}


def write(root: Path = ROOT) -> None:
    """Write the generated files below the root of the repository."""
    for path, text in files().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def _about() -> dict[str, Any]:
    return {
        "name": ENTRY,
        "version": __version__,
        "description": DESCRIPTION,
        "author": _AUTHOR,
        "homepage": HOMEPAGE,
        "license": PROJECT["license"],
        "keywords": PROJECT["keywords"],
    }


def _claude() -> dict[str, Any]:
    """Return the manifest for Claude Code, which asks for `userConfig` when the plugin is enabled."""
    asked = {
        "type": "string",
        "title": _TITLE,
        "description": _HELP,
        "sensitive": True,
        "required": False,
        "default": "",
    }
    return {
        **_about(),
        "displayName": TITLE,
        "mcpServers": {ENTRY: {"command": COMMAND, "args": _ARGS, "env": {TOKEN: "${user_config.api_key}"}}},
        "userConfig": {"api_key": asked},
    }


def _cursor() -> dict[str, Any]:
    """Return the manifest for Cursor, which asks for the `variables`."""
    about = _about() | {"author": _OWNER}
    return {
        **about,
        "displayName": TITLE,
        "skills": "./skills/",
        "commands": "./commands/",
        "variables": {
            "type": "object",
            "properties": {TOKEN: {"type": "string", "title": _TITLE, "description": _HELP, "default": ""}},
        },
        "mcpServers": {ENTRY: {"command": COMMAND, "args": _ARGS, "env": {TOKEN: f"${{{TOKEN}}}"}}},
    }


def _codex() -> dict[str, Any]:
    """Return the manifest for Codex, with a server that gets the token from Codex's environment if it is there."""
    server = {
        "command": COMMAND,
        "args": _ARGS,
        "env_vars": [TOKEN],
        "required": True,
        "tool_timeout_sec": CODEX_TIMEOUT_SECONDS,
    }
    return {
        **_about(),
        "skills": "./skills/",
        "mcpServers": {ENTRY: server},
        "interface": {
            "displayName": TITLE,
            "shortDescription": DESCRIPTION,
            "developerName": _AUTHOR["name"],
            "category": "Developer Tools",
            "capabilities": ["Interactive", "Read", "Write"],
            "websiteURL": HOMEPAGE,
            "defaultPrompt": ["Fix the flaky test in acme/web with Mogplex.", "Which of my Mogplex runs are open?"],
        },
    }


def _gemini() -> dict[str, Any]:
    """Return the manifest for Gemini CLI, which passes its settings on to the server as variables."""
    return {
        "name": ENTRY,
        "version": __version__,
        "description": DESCRIPTION,
        "mcpServers": {ENTRY: {"command": COMMAND, "args": _ARGS}},
        "settings": [{"name": _TITLE, "description": _HELP, "envVar": TOKEN, "sensitive": True}],
    }


def _marketplace(owner: Mapping[str, str], source: str) -> dict[str, Any]:
    """Return the list of plugins from which Claude Code and Cursor install."""
    entry = {"name": ENTRY, "source": source, "description": DESCRIPTION}
    return {"name": NAME, "owner": owner, "metadata": {"description": DESCRIPTION}, "plugins": [entry]}


def _codex_marketplace() -> dict[str, Any]:
    return {
        "name": NAME,
        "interface": {"displayName": TITLE},
        "plugins": [
            {
                "name": ENTRY,
                "source": {"source": "local", "path": f"./{FOLDER}"},
                "policy": {"installation": "AVAILABLE", "authentication": "ON_USE"},
                "category": "Developer Tools",
            }
        ],
    }


def _commands() -> Iterator[tuple[str, str]]:
    """Yield the prompts as commands: what a user types after one is in the place of its arguments."""
    tools = {tool.name for toolset in TOOLSETS if toolset.by_default for tool in toolset.tools}
    for prompt in PROMPTS:
        if prompt.needs <= tools:
            yield prompt.name.replace("_", "-"), _command(prompt, tools)


def _command(prompt: Prompt, tools: set[str]) -> str:
    names = [f"<{one.name}>" for one in prompt.arguments if one.required]
    values = {one.name: f"<{one.name}>" if one.required else "" for one in prompt.arguments}
    hint = " ".join(f"<{one.name}>" if one.required else f"[{one.name}]" for one in prompt.arguments)
    given = f"Take {' and '.join(names)} from what I give here" if names else "What I add"
    return (
        f"---\ndescription: {json.dumps(prompt.description)}\nargument-hint: {json.dumps(hint)}\n---\n\n"
        f"{given}: $ARGUMENTS\n\n{prompt.write(values, tools)}\n"
    )


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
