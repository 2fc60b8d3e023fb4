"""`mogplex-mcp login` and `logout`: sign in once, so that no client's configuration has to contain a token."""

import webbrowser
from argparse import Namespace
from typing import Final

import anyio

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.cli.agreement import NEEDS_YES
from mogplex_mcp.cli.browser_login import end_sign_in, sign_in_person
from mogplex_mcp.cli.exit_codes import ExitCode, exit_code_of
from mogplex_mcp.cli.terminal.input import InputError, confirm, is_interactive, read_secret
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.cleaning import clean_line
from mogplex_mcp.core.standard_streams import say
from mogplex_mcp.credentials.grant import Grant
from mogplex_mcp.credentials.sources import find_token, sources
from mogplex_mcp.credentials.storing import all_stores, locked_stores, store_token
from mogplex_mcp.credentials.token_store import (
    KEYRING,
    NoKeyringError,
    StoreError,
    TokenStore,
    address_of,
    is_keyring_first,
)

CHECK_SECONDS: Final = 30.0

_UNSAFE: Final = """\
Do not pass the token as an argument: other users can read command lines, and shells record them. Nothing was stored.
If it was a real token, revoke it at {keys} and create another.
Then run `mogplex-mcp login` and paste it at the prompt, or pass it on stdin with --yes."""


class _LoginError(Exception):
    """Nothing was stored; the message says why."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code


async def login(settings: Settings, given: Namespace) -> int:
    """Sign in with the browser, or ask for a token and check it; store what comes of it.

    Returns:
        1 if it cannot be stored, 2 for a usage error, 64 if it isn't a token or not accepted, or no one signed in, 69
        if Mogplex cannot be reached, 75 if a rate limit is reached.
    """
    keys = f"{web_url(settings.base_url)}/settings/api-keys"
    try:
        _check_usage(settings, given, keys)
        if _uses_browser(given):
            await _store(settings, await _sign_in(settings, opens_browser=given.browser is not False), given)
        else:
            token = await _ask_token(keys, open_page=given.open)
            if not given.no_check:
                await _check_token(settings, token, keys)
            await _store(settings, token.value, given)
    except _LoginError as error:
        say(str(error))
        return error.code
    say("Next: `mogplex-mcp install` adds this server to your clients, `mogplex-mcp doctor` checks the setup.")
    return ExitCode.OK


async def logout(settings: Settings, given: Namespace) -> int:
    """Remove what is stored for this address from the keyring and the file, and revoke it where Mogplex can.

    Returns:
        1 if one of them could not be read or changed.
    """
    if not (given.yes or is_interactive()):
        say(f"{NEEDS_YES} Nothing was removed.")
        return ExitCode.USAGE
    address = address_of(settings)
    removed, failed, grants = [], False, []
    async with locked_stores(settings):
        for store in all_stores(settings):
            grant = _stored_grant(store, address)
            try:
                if store.remove(address):
                    removed.append(store.name)
                    grants += [grant] if grant else []
            except NoKeyringError:
                continue
            except StoreError as error:
                say(f"{error} A token for {address} may still be in it.")
                failed = True
    say(
        f"The token for {address} was removed from {' and '.join(removed)}."
        if removed
        else f"No token was stored for {address}."
    )
    others = [source for source in sources(settings) if source not in removed]
    if others and not failed:
        say(f"Another token is still found in {' and '.join(others)}.")
    for grant in grants:
        await end_sign_in(settings, grant)
    if removed and not grants:
        say(f"The token itself stays valid until you revoke it at {web_url(settings.base_url)}/settings/api-keys.")
    return ExitCode.FAILURE if failed else ExitCode.OK


def _stored_grant(store: TokenStore, address: str) -> Grant | None:
    """Return the grant in a store; None if there is a bare token, nothing, or something that can't be read."""
    try:
        return Grant.parse(store.get(address))
    except (StoreError, MogplexError):
        return None


def _uses_browser(given: Namespace) -> bool:
    """Return whether to sign in with the browser: where there is a person, unless a token is to be read."""
    if given.ask_token or given.no_check or given.open:
        return False
    return is_interactive() if given.browser is None else True


def _check_usage(settings: Settings, given: Namespace, keys: str) -> None:
    if given.token:
        raise _LoginError(ExitCode.USAGE, _UNSAFE.format(keys=keys))
    if given.file and given.keyring:
        raise _LoginError(ExitCode.USAGE, "Choose --file or --keyring, not both.")
    if not (given.yes or is_interactive() or _uses_browser(given)):
        raise _LoginError(
            ExitCode.USAGE,
            "Without a terminal, sign in with --browser, or with --no-browser, which prints the address to open; or "
            "pass a token on stdin, and add --yes. Nothing was stored.",
        )
    if settings.demo:
        raise _LoginError(ExitCode.USAGE, "--demo needs no token, so there is nothing to store.")


async def _sign_in(settings: Settings, *, opens_browser: bool) -> str:
    """Sign in with the browser, and return what to store.

    Raises:
        _LoginError: It failed.
    """
    try:
        return (await sign_in_person(settings, opens_browser=opens_browser)).text
    except MogplexError as error:
        code, said = exit_code_of(error.code), f"{error.message} Nothing was stored."
        if code is ExitCode.UNAVAILABLE:
            said += " `mogplex-mcp doctor` checks the network, the proxy and MOGPLEX_URL."
        raise _LoginError(code, said) from None


async def _ask_token(keys: str, *, open_page: bool) -> Token:
    say(f"Create a token with the scopes read and write at {keys}")
    if open_page and not webbrowser.open(keys):
        say("No browser could be opened.")
    try:
        text = await read_secret("Paste the token (it is not shown): ")
        if not text.strip():
            raise _LoginError(ExitCode.UNAUTHORIZED, "No token was given, so nothing was stored.")
        return Token.parse(text)
    except InputError as error:
        raise _LoginError(ExitCode.UNAUTHORIZED, str(error)) from None
    except MogplexError as error:
        raise _LoginError(ExitCode.UNAUTHORIZED, f"{error.message} Nothing was stored.") from None


async def _check_token(settings: Settings, token: Token, keys: str) -> None:
    """Check the token with Mogplex, and print its user and scopes.

    Raises:
        _LoginError: Mogplex does not accept it; or it could not be checked, and the user does not want to store it.
    """
    from mogplex_mcp.diagnosis.account import describe  # noqa: PLC0415 - slow to import

    try:
        with anyio.fail_after(CHECK_SECONDS):
            say(f"Mogplex accepts the token. {await describe(settings, token)}")
    except TimeoutError:
        await _confirm_unchecked(ExitCode.UNAVAILABLE, "Mogplex did not respond in time.")
    except MogplexError as error:
        reason, code = clean_line(error.message, 300), exit_code_of(error.code)
        if error.code is ErrorCode.UNAUTHORIZED:
            raise _LoginError(
                code,
                f"Mogplex does not accept this token ({reason}). It may be mistyped, revoked or expired: create "
                f"another at {keys}. During an outage Mogplex refuses every token; --no-check stores it anyway. "
                "Nothing was stored.",
            ) from None
        await _confirm_unchecked(code, f"The token could not be checked: {reason}")


async def _confirm_unchecked(code: ExitCode, problem: str) -> None:
    """Ask whether to store a token that could not be checked.

    Raises:
        _LoginError: The answer is no, or stdin isn't a terminal.
    """
    say(problem)
    if not (is_interactive() and await confirm("Store the token without a check?")):
        raise _LoginError(code, "Nothing was stored. Try again later, or add --no-check to store it without a check.")


async def _store(settings: Settings, text: str, given: Namespace) -> None:
    """Store a token or a grant, and warn of a source with precedence over it.

    Raises:
        _LoginError: It cannot be stored.
    """
    used = await store_token(settings, text, say, file=given.file, keyring=given.keyring)
    if used is None:
        instead = (
            "Try it without --keyring."
            if given.keyring
            else "Set MOGPLEX_API_KEY to a token where you need it, or MOGPLEX_API_KEY_FILE to a file that contains it."
        )
        raise _LoginError(ExitCode.FAILURE, f"The token could not be stored. {instead}")
    say(f"The token is stored in {used.name}, for {address_of(settings)} only.")
    if used is KEYRING and not is_keyring_first():
        say("The keychain asks for your consent again after each update of Python; servers cannot show that window.")
    found = find_token(settings)
    if found.source != used.name:
        say(f"The token in {found.source} takes precedence: remove it, otherwise the token just stored is not used.")
