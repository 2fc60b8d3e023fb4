import pytest
from hypothesis import given
from hypothesis import strategies as st

from mogplex_mcp.api.base_url import DEFAULT_BASE_URL, normalise_base_url, web_url


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("mogplex.com", DEFAULT_BASE_URL),
        ("//mogplex.com", DEFAULT_BASE_URL),
        ("https://mogplex.com.", DEFAULT_BASE_URL),
        ("https://mogplex.com:443", DEFAULT_BASE_URL),
        ("https://mogplex.com/API/v1/Mogplex", DEFAULT_BASE_URL),
        ("localhost:3000", "https://localhost:3000/api/v1/mogplex"),
        ("http://localhost:3000", "http://localhost:3000/api/v1/mogplex"),
        ("http://127.0.0.1:80", "http://127.0.0.1/api/v1/mogplex"),
        ("http://127.9.9.9", "http://127.9.9.9/api/v1/mogplex"),
        ("http://[::1]:3100/", "http://[::1]:3100/api/v1/mogplex"),
        ("https://www.mogplex.example", "https://www.mogplex.example/api/v1/mogplex"),
        ("https://mog.example:8443/api/v1/mogplex/mcp/", "https://mog.example:8443/api/v1/mogplex"),
    ],
)
def test_normalise_base_url_returns_canonical_form(spelling: str, canonical: str) -> None:
    assert normalise_base_url(spelling) == canonical
    assert normalise_base_url(canonical) == canonical


@given(
    scheme=st.sampled_from(["", "https://", "HTTPS://"]),
    host=st.sampled_from(["mogplex.com", "www.mogplex.com", "MogPlex.COM", "WWW.mogplex.com"]),
    path=st.sampled_from(["", "/api/v1/mogplex", "/api/v1/mogplex/mcp"]),
    slashes=st.sampled_from(["", "/", "//"]),
    blanks=st.text(" \t\r\n", max_size=3),
)
def test_normalise_base_url_maps_hosted_service_to_default(
    scheme: str, host: str, path: str, slashes: str, blanks: str
) -> None:
    assert normalise_base_url(f"{blanks}{scheme}{host}{path}{slashes}{blanks}") == DEFAULT_BASE_URL


@given(st.text(max_size=40) | st.text("htps:/@.?#[]%www.mogplex.com127\\ ", max_size=40))
def test_normalise_base_url_accepts_or_refuses_any_text(text: str) -> None:
    try:
        canonical = normalise_base_url(text)
    except ValueError as error:
        assert str(error).endswith(".")  # noqa: PT017 - most texts raise, which is half of the promise
    else:
        assert normalise_base_url(canonical) == canonical
        assert canonical.startswith(("https://", "http://localhost", "http://127.", "http://[::1]"))
        assert canonical.endswith("/api/v1/mogplex")
        assert not set(canonical) & set("@?# \\")


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("", "write https://mogplex.com"),
        ("http://mogplex.com", "write https://mogplex.com"),
        ("http://127.0.0.1.evil.example", "https://127.0.0.1.evil.example"),
        ("http://localhost.evil.example", "https://"),
        ("ftp://mogplex.com", "start with https://"),
        ("https://user:hunter2@mogplex.com", "leave it away"),
        ("https://@mogplex.com", "leave it away"),
        ("https://mogplex.com/?x=1", "leave that away"),
        ("https://mogplex.com/#x", "leave that away"),
        ("https://mogplex.com/login", "leave it away"),
        ("https://mogplex.com/api/v1/mogplex/../x", "leave it away"),
        ("https://mogplex.com:99999", "write it like"),
        ("https://mogplex.com:0", "port 0"),
        ("https://", "no usable host"),
        ("https://[::1", "cannot be read"),
        ("https://m\u043egplex.com", "no usable host"),
        ("https://mogplex.com\\@evil.example", "without"),
        ("https://mog plex.com", "without"),
        ("https://[fe80::1%25eth0]", "no usable host"),
    ],
)
def test_normalise_base_url_refuses_invalid_text_with_advice(text: str, advice: str) -> None:
    with pytest.raises(ValueError, match=r"\.$") as caught:
        normalise_base_url(text)
    assert advice in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_web_url_is_the_host() -> None:
    assert web_url(DEFAULT_BASE_URL) == "https://mogplex.com"
    assert web_url("http://[::1]:3100/api/v1/mogplex") == "http://[::1]:3100"
