"""What the server says of itself."""

import re

import pytest
from mcp_types import SERVER_INFO_META_KEY

from mogplex_mcp import __version__
from tests.server.support import ERAS, Mode, connect

pytestmark = pytest.mark.anyio

# RFC 3986, appendix A: the characters of a URI.
URI = re.compile(r"[a-z]+:(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})+")


@ERAS
async def test_the_icon_is_a_valid_uri_that_shows_something(mode: Mode) -> None:
    async with connect(mode=mode) as client:
        assert client.server_info is not None
        assert client.server_info.icons
        for icon in client.server_info.icons:
            assert URI.fullmatch(icon.src)
            assert icon.mime_type == "image/svg+xml"
            assert "%3Cpath%20d=" in icon.src


async def test_only_discovery_has_the_whole_server_info_and_other_results_what_identifies_it() -> None:
    async with connect(mode="auto") as client:
        assert client.server_info is not None
        assert client.server_info.title
        assert client.server_info.website_url
        results = [await client.list_tools(), await client.call_tool("list_repos", {})]
    for result in results:
        assert result.meta == {SERVER_INFO_META_KEY: {"name": "mogplex-mcp", "version": __version__}}
