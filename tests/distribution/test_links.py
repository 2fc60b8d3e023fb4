"""Links that install the server hold an entry that starts it, and no token."""

import base64
import json
from urllib.parse import parse_qs, urlsplit

from distribution import links
from mogplex_mcp.config.options import OPTIONS


def query(link: str) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(link).query, strict_parsing=True).items()}


def test_the_link_for_cursor_holds_the_entry() -> None:
    given = query(links.cursor())
    assert given["name"] == "mogplex"
    assert json.loads(base64.b64decode(given["config"], validate=True)) == {"command": "uvx", "args": ["mogplex-mcp"]}


def test_the_link_for_vs_code_holds_the_entry_and_asks_for_the_token() -> None:
    given = query(links.vscode())
    entry, (asked,) = json.loads(given["config"]), json.loads(given["inputs"])
    assert (given["name"], entry["command"], entry["args"]) == ("mogplex", "uvx", ["mogplex-mcp"])
    assert entry["env"] == {"MOGPLEX_API_KEY": f"${{input:{asked['id']}}}"}
    assert asked["password"]


def test_there_is_no_token_in_a_link() -> None:
    known = {name for option in OPTIONS for name in option.environment}
    for link in (links.cursor(), links.vscode()):
        assert "mog_Y" not in link
        assert set(json.loads(query(links.vscode())["config"])["env"]) <= known
