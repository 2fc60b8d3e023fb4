"""Links that install the server in an editor with one click. There is no token in any of them."""

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
    """Opens Cursor, which asks before it adds the entry. It is a web page, since many places allow no other links."""
    entry = _json({"command": COMMAND, "args": [NAME]})
    return f"https://cursor.com/install-mcp?{urlencode({'name': ENTRY, 'config': base64.b64encode(entry.encode())})}"


def vscode() -> str:
    """Opens VS Code, which asks before it adds the entry, and once for the token, which it keeps to itself."""
    entry = {
        "type": "stdio",
        "command": COMMAND,
        "args": [NAME],
        "env": {"MOGPLEX_API_KEY": f"${{input:{TOKEN_INPUT['id']}}}"},
    }
    query = {"name": ENTRY, "inputs": _json([TOKEN_INPUT]), "config": _json(entry)}
    return f"{_VSCODE}?{urlencode(query, quote_via=quote)}"


def buttons() -> str:
    """Both links as a line of Markdown."""
    return f"[Add to Cursor]({cursor()}) · [Add to VS Code]({vscode()})"


def _json(value: Mapping[str, Any] | list[Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
