"""Rendering of a reply: text and structured content with the same facts, within the output limit."""

import json
from collections.abc import Mapping
from typing import Any

from mogplex_mcp.reply.model import Reply
from mogplex_mcp.reply.output_limit import limit_output
from mogplex_mcp.reply.untrusted import fence


def render(reply: Reply) -> tuple[dict[str, Any], str]:
    """Return a reply as structured content and as text. Clients show a model one of them, so both are complete."""
    return limit_output(reply.structured(), to_text, narrow=reply.narrow)


def to_text(structured: Mapping[str, Any]) -> str:
    """Render structured content as text, line by line."""
    lines = [structured["summary"]]
    for name, value in structured.items():
        if name == "notes":
            lines += [f"Note: {note}" for note in value]
        elif name == "next_steps":
            lines += [f"Next: {_call(step)}: {step['why']}" for step in value]
        elif name not in ("summary", "untrusted"):
            lines += _field(name, value)
    if "untrusted" in structured:
        lines.append(fenced(structured["untrusted"]))
    return "\n".join(lines)


def fenced(untrusted: Mapping[str, Any]) -> str:
    """Render untrusted text between two marks, after a warning."""
    return fence("\n".join(line for name, value in untrusted.items() for line in _field(name, value)))


def _field(name: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        return [f"{name}: {_item(value) if isinstance(value, dict) else _scalar(value)}"]
    if all(isinstance(item, str) and item.isalnum() for item in value):
        return [f"{name}: {', '.join(value)}"]
    return [f"{name}:", *[f"- {item if isinstance(item, str) else _row(item)}" for item in value]]


def _row(value: Any) -> str:
    """Render an item of a list; its first field, which identifies it, has no label."""
    if not isinstance(value, dict) or not value:
        return _item(value)
    (_, first), *others = value.items()
    return ", ".join([_item(first), *[f"{name} {_item(inner)}" for name, inner in others]])


def _item(value: Any) -> str:
    if isinstance(value, str):
        # Unquoted, a text with commas would look like several fields.
        return json.dumps(value, ensure_ascii=False) if "," in value else value
    if isinstance(value, dict):
        return ", ".join(f"{name} {_item(inner)}" for name, inner in value.items())
    return _scalar(value)


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _call(step: Mapping[str, Any]) -> str:
    arguments = ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in step.get("arguments", {}).items()
    )
    return f"{step['tool']}({arguments})"
