"""Links that install the server in an editor with one click, without a token."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from distribution.project import ENTRY, NAME

COMMAND: Final = "uvx"
TOKEN_INPUT: Final = {
    "id": "mogplex",
    "type": "promptString",
    "description": "Mogplex token (mog_…); empty after `mogplex-mcp login`",
    "password": True,
}

_VSCODE: Final = "https://vscode.dev/redirect/mcp/install"


def cursor() -> str:
    """Return a link that opens Cursor, which confirms the entry. An https link, since many sites allow no others."""
    entry = _json({"command": COMMAND, "args": [NAME]})
    return f"https://cursor.com/install-mcp?{urlencode({'name': ENTRY, 'config': base64.b64encode(entry.encode())})}"


def vscode() -> str:
    """Return a link that opens VS Code, which confirms the entry, and asks for the token once and stores it."""
    entry = {
        "type": "stdio",
        "command": COMMAND,
        "args": [NAME],
        "env": {"MOGPLEX_API_KEY": f"${{input:{TOKEN_INPUT['id']}}}"},
    }
    query = {"name": ENTRY, "inputs": _json([TOKEN_INPUT]), "config": _json(entry)}
    return f"{_VSCODE}?{urlencode(query, quote_via=quote)}"


def buttons() -> str:
    """Return both links as a line of Markdown."""
    return f"[Add to Cursor]({cursor()}) · [Add to VS Code]({vscode()})"


def _json(value: Mapping[str, Any] | list[Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
