"""The entry in the MCP registry, `server.json`, from which programs install this server.

`python -m distribution.registry OWNER/NAME FILE.mcpb` writes it with what a release adds: the image of the repository,
and the MCP bundle, whose hash is known when it is built.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from distribution.bundle import SETTINGS
from distribution.project import DESCRIPTION, HOMEPAGE, NAME, ROOT, TITLE
from mogplex_mcp import __version__
from mogplex_mcp.config.options import OPTIONS, Option
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.redaction import Secret

FILE: Final = ROOT / "server.json"
SCHEMA: Final = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
# Publishing it requires a proof of ownership of this domain. A comment with the name of the server in the README proves
# the ownership of the package.
NAMESPACE: Final = "com.mogplex"

_NUMBERS: Final = ("SECONDS", "NUMBER", "PORT")
# Simulation is of no use for an installation from a registry.
_LEFT_OUT: Final = ("demo", "demo_seconds")
_DEFAULTS: Final = Settings()
_HOST: Final = f"Name of the host on which someone runs `{NAME} http`; there is no public one."


@dataclass(frozen=True)
class Release:
    """What a release of a repository on GitHub adds to the package on PyPI.

    Attributes:
        repository: `owner/name`.
        bundle: The MCP bundle that is attached to the release.
    """

    repository: str
    bundle: Path


def server_json(release: Release | None = None) -> dict[str, Any]:
    """Return the content of `server.json`: packages, over stdio and over HTTP, and servers that others run."""
    options = [option for option in OPTIONS if option.setting not in _LEFT_OUT]
    return {
        "$schema": SCHEMA,
        "name": f"{NAMESPACE}/{NAME}",
        "title": TITLE,
        "description": DESCRIPTION,
        "version": __version__,
        "websiteUrl": HOMEPAGE,
        "packages": [
            _package([option for option in options if not option.commands], {"type": "stdio"}),
            _package(
                [option for option in options if _is_of_http(option)],
                {
                    "type": "streamable-http",
                    "url": f"http://{_DEFAULTS.host}:{_DEFAULTS.port}/mcp",
                    "headers": [_authorization()],
                },
                packageArguments=[{"type": "positional", "value": "http"}],
            ),
            *(_of_release(release, options) if release else ()),
        ],
        "remotes": [
            {
                "type": "streamable-http",
                "url": "https://{host}/mcp",
                "variables": {"host": {"description": _HOST, "isRequired": True}},
                "headers": [_authorization()],
            }
        ],
    }


def _of_release(release: Release, options: Sequence[Option]) -> list[dict[str, Any]]:
    """Return the packages of a release. The image serves HTTP unless it gets an argument."""
    asked = [option for option in options if option.setting in SETTINGS]
    variables = [_variable(option) for option in asked]
    stdio = {"type": "stdio"}
    return [
        {
            "registryType": "oci",
            "identifier": f"ghcr.io/{release.repository.lower()}:{__version__}",
            "runtimeHint": "docker",
            "transport": stdio,
            "packageArguments": [{"type": "named", "name": "--log-level", "value": "warning"}],
            "environmentVariables": variables,
        },
        {
            "registryType": "mcpb",
            "identifier": (
                f"https://github.com/{release.repository}/releases/download/v{__version__}/{release.bundle.name}"
            ),
            "version": __version__,
            "fileSha256": hashlib.sha256(release.bundle.read_bytes()).hexdigest(),
            "transport": stdio,
            "environmentVariables": variables,
        },
    ]


def text(release: Release | None = None) -> str:
    """Return `server.json` as it is written."""
    return json.dumps(server_json(release), indent=2, ensure_ascii=False) + "\n"


def _is_of_http(option: Option) -> bool:
    """Whether an option is for operators of an HTTP server: the URL has the port, and callers have the tokens."""
    return option.setting not in ("api_key", "api_key_file", "port") and (
        not option.commands or "http" in option.commands
    )


def _package(options: Sequence[Option], transport: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "registryType": "pypi",
        "registryBaseUrl": "https://pypi.org",
        "identifier": NAME,
        "version": __version__,
        "runtimeHint": "uvx",
        "transport": transport,
        **more,
        "environmentVariables": [_variable(option) for option in options],
    }


def _variable(option: Option) -> dict[str, Any]:
    variable: dict[str, Any] = {"name": option.environment[0], "description": option.help, "isRequired": False}
    if option.read is Secret:
        return variable | {"isSecret": True}
    if not option.metavar or option.metavar == "BOOLEAN":
        return variable | {"format": "boolean"}
    if option.metavar in _NUMBERS:
        return variable | {"format": "number"}
    return variable | {"format": "filepath" if option.metavar == "FILE" else "string"}


def _authorization() -> dict[str, Any]:
    (option,) = (option for option in OPTIONS if option.setting == "api_key")
    return {
        "name": "Authorization",
        "description": "The Mogplex token of the caller.",
        "value": "Bearer {token}",
        "isRequired": True,
        "isSecret": True,
        "variables": {"token": {"description": option.help.partition(".")[0], "isRequired": True, "isSecret": True}},
    }


if __name__ == "__main__":
    FILE.write_text(text(Release(sys.argv[1], Path(sys.argv[2]))), encoding="utf-8")
