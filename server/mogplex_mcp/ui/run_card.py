"""The run card as a resource of the MCP Apps extension (SEP-1865, 2026-01-26).

The page is built from `ui/` at the top of the repository (`npm run build`). It gets its data from the results of tools,
through the host, and has no network of its own.
"""

from functools import cache
from importlib.resources import files
from typing import Any, Final

import mcp_types

EXTENSION: Final = "io.modelcontextprotocol/ui"
"""The identifier of the extension, in the capabilities of clients and servers."""

URI: Final = "ui://mogplex/run-card.html"
MIME_TYPE: Final = "text/html;profile=mcp-app"

DATA: Final = "com.mogplex/run-card"
"""The key in `_meta` of a result of what only the card shows, and no model reads."""

# The secure default of the extension, spelled out: no origin may be reached, loaded or framed.
_META: Final[dict[str, Any]] = {
    "ui": {
        "csp": {"connectDomains": [], "resourceDomains": [], "frameDomains": [], "baseUriDomains": []},
        "prefersBorder": False,
    }
}


@cache
def page() -> str:
    """Return the HTML of the card."""
    return files(__package__).joinpath("run_card.html").read_text(encoding="utf-8")


def definition() -> mcp_types.Resource:
    """Return the entry of the card in `resources/list`."""
    return mcp_types.Resource(
        uri=URI,
        name="run-card",
        title="Run card",
        description="The page that shows a run while it works, in clients with MCP Apps.",
        mime_type=MIME_TYPE,
        annotations=mcp_types.Annotations(audience=["user"], priority=0.1),
        _meta=_META,
    )


def contents() -> mcp_types.TextResourceContents:
    """Return the card as `resources/read` does: the page, with what its host has to enforce."""
    return mcp_types.TextResourceContents(uri=URI, mime_type=MIME_TYPE, text=page(), _meta=_META)
