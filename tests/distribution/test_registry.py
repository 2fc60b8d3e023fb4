"""`server.json` is what the MCP registry takes, and what it says of the server is true."""

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from distribution.project import NAME, ROOT

from distribution import registry
from mogplex_mcp import __version__
from mogplex_mcp.cli.parser import build_parser
from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.core.redaction import Secret

SCHEMA = json.loads((Path(__file__).parent.parent / "data" / "server.schema.json").read_text(encoding="utf-8"))
CHECK = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
ENTRY = json.loads(registry.FILE.read_text(encoding="utf-8"))


def test_the_file_is_made_from_the_code() -> None:
    assert registry.server_json() == ENTRY, "run: python -m docs.generate"


def test_it_is_valid() -> None:
    CHECK.validate(ENTRY)
    assert ENTRY["$schema"] in SCHEMA["$comment"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"description": "x" * 101},
        {"name": "without-a-namespace"},
        {"packages": [{"identifier": NAME}]},
        {"packages": [{"registryType": "pypi", "identifier": NAME, "transport": {"type": "http"}}]},
    ],
)
def test_what_is_wrong_is_found(wrong: dict[str, Any]) -> None:
    assert not CHECK.is_valid(ENTRY | wrong)


def test_the_readme_shows_whose_the_package_is() -> None:
    assert f"<!-- mcp-name: {ENTRY['name']} -->" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_package_is_this_version_and_keeps_secrets_secret() -> None:
    secret = {name for option in OPTIONS if option.read is Secret for name in option.environment}
    for package in ENTRY["packages"]:
        assert (package["identifier"], package["version"]) == (NAME, __version__)
        for variable in package["environmentVariables"]:
            assert variable.get("isSecret", False) == (variable["name"] in secret)


def test_a_release_adds_its_image_and_its_bundle(tmp_path: Path) -> None:
    bundle = tmp_path / f"mogplex-mcp-{__version__}.mcpb"
    bundle.write_bytes(b"a bundle")
    entry = registry.server_json(registry.Release("Acme/mogplex-mcp", bundle))
    CHECK.validate(entry)
    *pypi, image, packed = entry["packages"]
    assert pypi == ENTRY["packages"]
    assert image["identifier"] == f"ghcr.io/acme/mogplex-mcp:{__version__}"
    assert packed["identifier"].endswith(f"/Acme/mogplex-mcp/releases/download/v{__version__}/{bundle.name}")
    assert packed["fileSha256"] == hashlib.sha256(b"a bundle").hexdigest()
    build_parser().parse_args([part for one in image["packageArguments"] for part in (one["name"], one["value"])])


def test_the_image_says_which_entry_it_belongs_to() -> None:
    label = f'LABEL io.modelcontextprotocol.server.name="{ENTRY["name"]}"'
    assert label in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()


def test_a_server_of_others_is_asked_for_with_the_token_of_the_caller() -> None:
    (remote,) = ENTRY["remotes"]
    assert remote["url"] == "https://{host}/mcp"
    assert set(remote["variables"]) == {"host"}
    assert remote["headers"][0]["isSecret"]


def test_the_package_over_http_is_started_with_a_command_that_exists() -> None:
    stdio, http = ENTRY["packages"]
    assert "packageArguments" not in stdio
    build_parser().parse_args([argument["value"] for argument in http["packageArguments"]])
