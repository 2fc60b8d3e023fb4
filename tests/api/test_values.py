import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.base_url import DEFAULT_BASE_URL
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.api.identifiers import check_uuid, id_in_page
from mogplex_mcp.api.repos import full_name

from .support import RUN_ID

OTHER_ID = "11111111-2222-4333-8444-555555555555"
VALUE = "mog_0123456789abcdefghijABCDEFGHIJxy"


@pytest.mark.parametrize(
    "text",
    [VALUE, f"  {VALUE}\n", f'"{VALUE}"', f" ' {VALUE} ' ", f"`{VALUE}`", f"Bearer {VALUE}", f'"bearer  {VALUE}"'],
)
def test_token_is_parsed_from_pasted_text(text: str) -> None:
    assert Token.parse(text).value == VALUE


@pytest.mark.parametrize(
    "text",
    [
        *("", "mog_", VALUE[:-1], VALUE + "z", VALUE.replace("0", "-"), VALUE[:-1] + "é", "sk-1", "hunter2-hunter2"),
        *(f"Bearer Bearer {VALUE}", f"key={VALUE}", "sixteen letters and blanks", "sixteen\x00letters+", "x" * 4_097),
        "ghp_" + "a1" * 18,
    ],
)
def test_malformed_token_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(MogplexError) as caught:
        Token.parse(text)
    assert caught.value.code is ErrorCode.MALFORMED_TOKEN
    assert VALUE[4:20] not in caught.value.message
    assert not text.strip() or text.strip() not in caught.value.message or text == "mog_"


@pytest.mark.parametrize("text", ["a" * 32, "eyJhbGciOiJIUzI1NiJ9.e30.sig-_~+/=", f" bearer  {'Zz9' * 11}\n"])
def test_token_of_a_sign_in_is_opaque_and_shown_nowhere(text: str) -> None:
    token = Token.parse(text)
    assert token.is_oauth
    assert token.value == text.strip().removeprefix("bearer  ")
    assert token.value not in f"{token!r}"
    assert not Token.parse(VALUE).is_oauth


@pytest.mark.parametrize(
    "text", ["a" * 15, "a" * 4_100, "a" * 16 + " b", "a" * 20 + "\0", "a" * 20 + "é", "a" * 20 + ":"]
)
def test_text_that_cannot_be_a_token_is_refused_with_what_is_wrong(text: str) -> None:
    with pytest.raises(MogplexError, match="or an OAuth access token of at least 16") as caught:
        Token.parse(text)
    assert "aaa" not in caught.value.message


@pytest.mark.parametrize("text", ["ghp_" + "aB3" * 12, f"x{VALUE}", f"AKIA{'X' * 16}"])
def test_key_of_another_service_is_no_token_of_mogplex(text: str) -> None:
    with pytest.raises(MogplexError, match="looks like a") as caught:
        Token.parse(text)
    assert text not in caught.value.message


@pytest.mark.parametrize(
    "text", ["TxCPRWLYEIoSYxjWkLvfIGQZNSymUFKI", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "a-b.c_d~e+f/g123=="]
)
def test_oauth_access_token_is_opaque(text: str) -> None:
    token = Token.parse(f"Bearer {text}\n")
    assert (token.value, token.is_oauth) == (text, True)
    assert repr(token) == "Token(OAuth)"
    assert not Token.parse(VALUE).is_oauth


def test_token_repr_hides_value() -> None:
    token = Token.parse(VALUE)
    assert repr(token) == str(token) == f"{token}" == "Token(mog_…)"
    assert "0123" not in repr([token])
    assert pickle.loads(pickle.dumps(token)) == token  # noqa: S301 - our own bytes


@pytest.mark.parametrize("text", [RUN_ID, RUN_ID.upper(), RUN_ID.replace("-", ""), f" {RUN_ID}\n"])
def test_check_uuid_returns_canonical_form(text: str) -> None:
    assert check_uuid(text, "run_id") == RUN_ID


@pytest.mark.parametrize(
    "text",
    [
        f'"{RUN_ID}"',
        f"'{RUN_ID}'",
        f"`{RUN_ID}`",
        f"{{{RUN_ID}}}",
        f"<{RUN_ID}>",
        f"[{RUN_ID}]",
        f"\u201c{RUN_ID}\u201d",
        f' "`{RUN_ID.upper()}`" ',
        f"mogplex://runs/{RUN_ID}",
        f"<mogplex://runs/{RUN_ID}/events>",
        f"mogplex://run/{RUN_ID}",
        f"/runs/{RUN_ID}",
        f"runs/{RUN_ID}/events",
        f'"{RUN_ID}',
        f'\\"{RUN_ID}\\"',
        f"**{RUN_ID}**",
        f"{RUN_ID}.",
        f"{RUN_ID},",
        f"\u200b{RUN_ID}\ufeff",
        RUN_ID.replace("-", "\u2011"),
        f"run_id: {RUN_ID}",
        f"run_id={RUN_ID}",
        f"Run ID {RUN_ID}",
        f"run {RUN_ID}",
        f"run-{RUN_ID}",
        f"urn:uuid:{RUN_ID}",
        f'{{"run_id": "{RUN_ID}"}}',
    ],
)
def test_check_uuid_takes_an_id_out_of_its_quotes_and_resource_uri(text: str) -> None:
    assert check_uuid(text, "run_id") == RUN_ID


PAGE = f"https://mogplex.com/runs/{RUN_ID}"


@pytest.mark.parametrize(
    "text",
    [
        PAGE,
        f"<{PAGE}>",
        f"`{PAGE}/`",
        f"{PAGE}?tab=events#log",
        f"https://MOGPLEX.com/runs/{RUN_ID.upper()}",
        f"https://www.mogplex.com/runs/{RUN_ID}",
        f"https://mogplex.com/automations/{OTHER_ID}/runs/{RUN_ID}",
        f"{DEFAULT_BASE_URL}/runs/{RUN_ID}/events",
        f"mogplex.com/runs/{RUN_ID}",
        f"www.mogplex.com/runs/{RUN_ID}",
        f"[the run]({PAGE})",
    ],
)
def test_id_in_page_takes_the_id_of_its_kind(text: str) -> None:
    assert id_in_page(text, DEFAULT_BASE_URL, "run_id") == RUN_ID


@pytest.mark.parametrize(
    "text",
    [
        f"https://example.com/runs/{RUN_ID}",
        f"https://mogplex.com.example.com/runs/{RUN_ID}",
        f"https://mogplex.com@example.com/runs/{RUN_ID}",
        f"https://example.com/https://mogplex.com/runs/{RUN_ID}",
        f"https://mogplex.com\\@example.com/runs/{RUN_ID}",
        f"https://mogplex.com:8443/runs/{RUN_ID}",
        f"http://mogplex.com/runs/{RUN_ID}",
        f"https://mogplex.com/sandboxes/{RUN_ID}",
        f"https://mogplex.com/runs/{RUN_ID}/runs/{OTHER_ID}",
        f"https://mogplex.com/{RUN_ID}",
        "https://[/runs/",
        f"mogplex://sandboxes/{RUN_ID}",
        f"example.com/runs/{RUN_ID}",
        f"mogplex.com.example.com/runs/{RUN_ID}",
        f"[{RUN_ID}](https://example.com/runs/{RUN_ID})",
        f"sandboxes/{RUN_ID}",
        f"sandbox {RUN_ID}",
        f"{RUN_ID} {OTHER_ID}",
        f"{RUN_ID}0",
        "x" * 100_000,
    ],
)
def test_an_address_of_another_host_or_kind_is_no_id(text: str) -> None:
    assert id_in_page(text, DEFAULT_BASE_URL, "run_id") == text
    with pytest.raises(MogplexError):
        check_uuid(text, "run_id")


@pytest.mark.parametrize(
    "text",
    [
        "acme/web",
        " acme / web ",
        "acme\\web",
        "acme//web",
        "repo: acme/web",
        'repository = "acme/web"',
        "github:acme/web",
        "gh:acme/web",
        "**acme/web**",
        '"acme/web',
        "acme/web,",
        "@acme/web",
        "[acme/web](https://github.com/acme/web)",
        "git+https://github.com/acme/web.git",
        "https://user:password@github.com/acme/web",
        "https://github.com/acme/web/pull/12",
    ],
)
def test_full_name_takes_a_name_out_of_what_is_around_it(text: str) -> None:
    assert full_name(text) == "acme/web"


@pytest.mark.parametrize(
    "text",
    [
        "https://gitlab.com/acme/web",
        "https://github.com@example.com/acme/web",
        "https://example.com/github.com/acme/web",
        "[acme/web](https://example.com/acme/web)",
        "git@gitlab.com:acme/web",
        "acme/web@main",
        "acme/.github",
        ".github",
        "gh/repo",
    ],
)
def test_full_name_makes_no_other_name_of_a_text(text: str) -> None:
    assert full_name(text) == (text if "](" not in text else "https://example.com/acme/web")


def test_id_in_page_knows_the_configured_host() -> None:
    text, base_url = f"https://mogplex.internal/runs/{RUN_ID}", "https://mogplex.internal/api/v1/mogplex"
    assert id_in_page(text, base_url, "run_id") == RUN_ID
    assert id_in_page(PAGE, base_url, "run_id") == PAGE


@pytest.mark.parametrize(
    "text", ["", "abc", "{}", f"{RUN_ID}-{RUN_ID}", f"urn:isbn:{RUN_ID}", RUN_ID + "\n0", "../repos", VALUE]
)
def test_check_uuid_names_invalid_argument(text: str) -> None:
    with pytest.raises(MogplexError, match="run_id must be a Mogplex run id") as caught:
        check_uuid(text, "run_id")
    assert caught.value.code is ErrorCode.INVALID_ARGUMENT
    assert VALUE not in caught.value.message


@given(st.text())
def test_check_uuid_accepts_or_refuses_any_text_on_one_line(text: str) -> None:
    try:
        assert len(check_uuid(text, "repo_id")) == len(RUN_ID)
    except MogplexError as error:
        assert error.message.isprintable()  # noqa: PT017 - most texts raise, which is half of the promise
