"""Responses that were made when the package was built, by the server itself, and which requests they answer.

`distribution.built_answers` writes one file for each selection of tools in `SELECTIONS`. A checkout has none: there,
the server answers everything, and nothing can be out of date.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mogplex_mcp.config.settings import Settings

FOLDER: Final = Path(__file__).parent / "built"
SELECTIONS: Final[Mapping[str, Settings]] = {
    "default": Settings(),
    "read-only": Settings(read_only=True),
    "all": Settings(toolsets=("all",)),
    "all-read-only": Settings(toolsets=("all",), read_only=True),
    "demo": Settings(demo=True),
}
"""By the name of a file, the settings that its responses depend on. All others are left to the server."""
METHODS: Final = (
    "initialize",
    "server/discover",
    "ping",
    "tools/list",
    "prompts/list",
    "resources/templates/list",
)
"""Requests whose results depend on nothing but the protocol version and these settings."""

VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
INFO_KEY: Final = "io.modelcontextprotocol/clientInfo"
CAPABILITIES_KEY: Final = "io.modelcontextprotocol/clientCapabilities"

# Settings on which the responses depend; all values but those in `SELECTIONS` are left to the server.
_DECISIVE: Final = (
    *("toolsets", "tools", "exclude_tools", "read_only", "default_repo"),
    *("demo", "demo_seconds", "database_url", "refusals"),
)

Results = Mapping[str, Mapping[str, str]]
"""By protocol version and method, a result as JSON."""


def selection(settings: Settings) -> str | None:
    """Return the name of the selection with the same responses as these settings; None if there is none."""
    for name, selected in SELECTIONS.items():
        if all(getattr(settings, one) == getattr(selected, one) for one in _DECISIVE):
            return name
    return None


def results(settings: Settings, folder: Path = FOLDER) -> Results:
    """Return the results that were built for these settings; none if there are none.

    Args:
        settings: The settings of this process.
        folder: Where the files are.
    """
    name = selection(settings)
    if name is None:
        return {}
    try:
        built = json.loads((folder / f"{name}.json").read_bytes())
        texts = built["texts"]
        return {
            version: {method: texts[number] for method, number in methods.items()}
            for version, methods in built["versions"].items()
        }
    except (OSError, ValueError, LookupError):
        return {}


class Conversation:
    """The first lines of a client, each of which is answered here or left to the server.

    Args:
        results: What to answer with.

    Attributes:
        left: The lines that the server has to process, with their newlines. It gets `initialize` although that was
            answered: its state depends on it.
        initialize: The id of the `initialize` that was answered; None if none was.
        is_complete: Whether every request was answered.
    """

    def __init__(self, results: Results) -> None:
        self._results = results
        self._version = ""
        self._is_new = True
        self.left = b""
        self.initialize: str | int | None = None
        self.is_complete = True

    def answer(self, line: bytes) -> bytes:
        """Return the response to a line, or nothing if it is left to the server.

        Args:
            line: A line without its newline.
        """
        request_id, method, params = _request(line)
        result = self._result(method, params)
        # A client of both eras probes with `server/discover` and may then fall back to `initialize`.
        self._is_new &= result is not None and method == "server/discover"
        if result is None or method == "initialize":
            self.left += line + b"\n"
        if result is None:
            self.is_complete &= method == "notifications/initialized"
            return b""
        if method == "initialize":
            self.initialize = request_id
        return f'{{"jsonrpc":"2.0","id":{json.dumps(request_id)},"result":{result}}}\n'.encode()

    def _result(self, method: str, params: dict[str, Any]) -> str | None:
        envelope = params.pop("_meta", {})
        if not isinstance(envelope, dict):
            return None
        version: object = self._version
        # Nothing else may be in the parameters: a cursor, for instance, is left to the server.
        is_plain = not params
        if VERSION_KEY in envelope:
            version = envelope[VERSION_KEY]
            is_plain &= not self._version and _is_client(envelope.get(INFO_KEY), envelope.get(CAPABILITIES_KEY))
        elif method == "initialize":
            version = params.get("protocolVersion")
            is_plain = self._is_new and _is_client(params.get("clientInfo"), params.get("capabilities"))
        if not is_plain or not isinstance(version, str):
            return None
        result = self._results.get(version, {}).get(method)
        if result is not None and method == "initialize":
            self._version = version
        return result


def _request(line: bytes) -> tuple[str | int, str, dict[str, Any]]:
    """Return the id, method and parameters of a request in its plainest form; no method if it has another one."""
    try:
        message = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return "", "", {}
    match message:
        case {"jsonrpc": "2.0", "id": str() | int() as request_id, "method": str(method), **more}:
            params = more.pop("params", {})
            if not more and not isinstance(request_id, bool) and isinstance(params, dict):
                return request_id, method, params
        case {"jsonrpc": "2.0", "method": "notifications/initialized"}:
            return "", "notifications/initialized", {}
    return "", "", {}


def _is_client(info: object, capabilities: object) -> bool:
    """Return whether a client says who it is and what it can do in the form of the specification."""
    match info, capabilities:
        case {"name": str(), "version": str(), **more}, dict():
            are_plain = all(isinstance(one, str | list) for one in more.values())
            return are_plain and all(isinstance(one, dict) for one in capabilities.values())
    return False
