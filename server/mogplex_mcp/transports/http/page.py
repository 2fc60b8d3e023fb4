"""The page at `/`: what this server is, and how to add it to a client."""

import html
import json
from typing import Final

from mogplex_mcp import __version__
from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.config.settings import Settings

_TOKEN: Final = "mog_YOUR_TOKEN"  # noqa: S105 - what a person replaces
_STYLE: Final = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;"
    "padding:0 1rem}pre{padding:.8rem;overflow-x:auto;border:1px solid #8886;border-radius:6px}h2{font-size:1rem;"
    "margin:1.6rem 0 .4rem}"
)


def page(settings: Settings, address: str, *, has_sign_in: bool = False) -> str:
    """Return the page as HTML.

    Args:
        settings: The settings.
        address: The address of MCP as it was asked for, not escaped.
        has_sign_in: Whether clients can sign in to Mogplex.
    """
    mogplex = web_url(settings.base_url)
    keys = f"{mogplex}/settings/api-keys"
    token = (
        "<p>It is a demo: no token is needed.</p>"
        if settings.demo
        else f"<p>Each request carries your own Mogplex token, from {_link(keys)}, in the Authorization header: write "
        f"it where {_TOKEN} stands.</p>"
    )
    if has_sign_in:
        token += (
            "<p>A client that signs in by OAuth, such as the custom connectors of claude.ai and ChatGPT, needs the "
            "address only: leave the header out.</p>"
        )
    clients = "".join(
        f"<h2>{html.escape(client)}</h2><pre>{html.escape(entry)}</pre>"
        for client, entry in _entries(address, with_token=not settings.demo).items()
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>mogplex-mcp</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>mogplex-mcp {__version__}</h1>"
        "<p>This is an MCP server: AI agents use it to start, follow and manage coding-agent runs of "
        f"{_link(mogplex)}. Its address is <code>{html.escape(address)}</code>.</p>{token}{clients}</body></html>"
    )


def _entries(address: str, *, with_token: bool) -> dict[str, str]:
    """Return how to add the server, by client."""
    header = {"Authorization": f"Bearer {_TOKEN}"} if with_token else {}
    headers = {"headers": header} if header else {}
    flag = f' --header "Authorization: Bearer {_TOKEN}"' if header else ""
    bearer = f'\nhttp_headers = {{ "Authorization" = "Bearer {_TOKEN}" }}' if header else ""
    cursor = {"mcpServers": {"mogplex": {"url": address, **headers}}}
    code = {"servers": {"mogplex": {"type": "http", "url": address, **headers}}}
    return {
        "Claude Code": f"claude mcp add --transport http mogplex {address}{flag}",
        "Codex (~/.codex/config.toml)": f"[mcp_servers.mogplex]\nurl = {json.dumps(address)}{bearer}",
        "Cursor (~/.cursor/mcp.json)": json.dumps(cursor, indent=2),
        "VS Code (.vscode/mcp.json)": json.dumps(code, indent=2),
        "Gemini CLI": f"gemini mcp add --transport http{flag} mogplex {address}",
    }


def _link(url: str) -> str:
    return f'<a href="{html.escape(url)}">{html.escape(url)}</a>'
