"""The client key is taken as it is, and with a typo it is not taken for a token of Mogplex."""

import pytest

from mogplex_mcp.transports.http.client_key import ClientKey

KEY = "Orchard-Velvet-93-Quartz-Lagoon"


@pytest.mark.parametrize("given", [KEY[:-1], KEY[1:], f"{KEY}x", f"x{KEY}", KEY.replace("V", "v"), KEY[:-2] + "no"])
def test_key_with_a_typo_resembles_it_and_does_not_match(given: str) -> None:
    key = ClientKey(KEY)
    assert key.resembles(given.encode())
    assert not key.matches(given.encode())


@pytest.mark.parametrize("given", ["", KEY.upper(), KEY * 2, "TxCPRWLYEIoSYxjWkLvfIGQZNSymUFKI"])
def test_other_texts_do_not_resemble_it(given: str) -> None:
    key = ClientKey(KEY)
    assert not key.resembles(given.encode())
    assert not key.matches(given.encode())


def test_no_key_matches_nothing() -> None:
    assert not ClientKey("").matches(b"")
    assert not ClientKey("").resembles(b"x")
    assert ClientKey(KEY).matches(KEY.encode())
