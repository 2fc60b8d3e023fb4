"""What the server says of itself: all of it once, its name and version with every further result."""

from typing import Any, Final

from mcp.server import Server
from mcp_types import SERVER_INFO_META_KEY

from mogplex_mcp import __version__
from mogplex_mcp.tenants.services import Services

# A URI has no blanks (RFC 3986, appendix A).
ICON: Final = (
    "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%208%208'%3E"
    "%3Cpath%20d='M1%207V1l3%203%203-3v6'%20fill='none'%20stroke='%23635bff'/%3E%3C/svg%3E"
)


class MogplexServer(Server[Services]):
    """A server that repeats only what identifies it.

    The SDK adds the whole `Implementation`, icon included, to the `_meta` of each result of the 2026 protocol: 450
    characters, as many as many results have. Clients read it in the result of `server/discover`.
    """

    @property
    def server_info_stamp(self) -> dict[str, Any]:
        """The `Implementation` in the `_meta` of a result (MCP specification, schema reference, `ResultMetaObject`)."""
        return {"name": self.name, "version": __version__}

    def whole_server_info(self) -> dict[str, Any]:
        """Return the `_meta` of the result of `server/discover`."""
        return {SERVER_INFO_META_KEY: self.server_info.model_dump(by_alias=True, mode="json", exclude_none=True)}
