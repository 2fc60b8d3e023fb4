"""What the server says of itself."""

import re

import pytest

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
