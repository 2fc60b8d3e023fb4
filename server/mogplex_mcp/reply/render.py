"""Rendering of a reply: text and structured content with the same facts, within the output limit."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from mogplex_mcp.core.humanize import duration
from mogplex_mcp.reply.client_traits import most_together, passes_instructions
from mogplex_mcp.reply.model import Reply
from mogplex_mcp.reply.output_limit import limit_output
from mogplex_mcp.reply.untrusted import SHORT_WARNING, WARNING, fence

_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def render(reply: Reply, *, now: datetime, client: str | None = None) -> tuple[dict[str, Any], str]:
    """Return a reply as structured content and as text. Clients show a model one of them, so both are complete.

    Args:
        reply: The reply.
        now: The time at Mogplex, from which ages are counted.
        client: The name of the client. One that shows both, and less than one of them can have, gets untrusted text in
            the text only; one whose model knows the rule from the instructions gets a short mark in place of it.
            None for a reader without instructions, such as that of a resource.
    """
    warning = SHORT_WARNING if client is not None and passes_instructions(client) else WARNING
    text_of = partial(to_text, now=now, warning=warning)
    return limit_output(reply.structured(), text_of, narrow=reply.narrow, together=most_together(client or ""))


def to_text(structured: Mapping[str, Any], *, now: datetime, warning: str = WARNING) -> str:
    """Render structured content as text, line by line; times with their age."""
    lines = [structured["summary"]]
    for name, value in structured.items():
        if name == "notes":
            lines += [f"Note: {note}" for note in value]
        elif name == "next_steps":
            lines += [f"Next: {_call(step)}: {step['why']}" for step in value]
        elif name not in ("summary", "untrusted"):
            lines += _field(name, _with_ages(value, now))
    if "untrusted" in structured:
        lines.append(fenced(structured["untrusted"], warning))
    return "\n".join(lines)


def fenced(untrusted: Mapping[str, Any], warning: str = WARNING) -> str:
    """Render untrusted text between two marks, after a warning."""
    return fence("\n".join(line for name, value in untrusted.items() for line in _field(name, value)), warning=warning)


def _with_ages(value: Any, now: datetime) -> Any:
    """Return the value with times as "3 min ago (2026-11-22T10:42:00Z)"; only times of ours have this form."""
    if isinstance(value, str):
        if not _TIME.fullmatch(value):
            return value
        return f"{duration((now - datetime.fromisoformat(value)).total_seconds())} ago ({value})"
    if isinstance(value, dict):
        return {name: _with_ages(inner, now) for name, inner in value.items()}
    return [_with_ages(inner, now) for inner in value] if isinstance(value, list) else value


def _field(name: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        return [f"{name}: {_item(value) if isinstance(value, dict) else _scalar(value)}"]
    if not value:
        return []
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
