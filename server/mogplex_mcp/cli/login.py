"""`mogplex-mcp login` and `logout`: the token is kept once, so that no client's configuration has to hold it."""

import webbrowser
from argparse import Namespace
from collections.abc import Sequence
from typing import Final

import anyio

from mogplex_mcp.api.access_token import Token
from mogplex_mcp.api.base_url import web_url
from mogplex_mcp.api.errors import ErrorCode, MogplexError
from mogplex_mcp.cli.exit_codes import ExitCode, exit_code_of
from mogplex_mcp.cli.terminal.secret_input import InputError, confirm, has_person, read_secret
from mogplex_mcp.config.settings import Settings
from mogplex_mcp.core.standard_streams import say
from mogplex_mcp.credentials.sources import find_token, sources
from mogplex_mcp.credentials.token_store import (
    KEYRING,
    NoKeyringError,
    StoreError,
    TokenStore,
    address_of,
    file_store,
)

CHECK_SECONDS: Final = 30.0

_UNSAFE: Final = """\
A token is no argument: command lines can be read by others, and the shell remembers them. Nothing was stored.
If it was a real one, revoke it at {keys} and create another.
Then run `mogplex-mcp login` and paste it when you are asked, or hand it over on stdin."""


class _Refused(Exception):  # noqa: N818 - it is an end, and which one is in it
    """Nothing is stored; the message says why."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code


async def login(settings: Settings, given: Namespace) -> int:
    """Ask for a token, check it, keep it.

    Returns:
        1 if no place takes it, 2 for a wrong command line, 64 for what is no token or not accepted, 69 if Mogplex
        cannot be reached, 75 if it asks for another try later.
    """
    keys = f"{web_url(settings.base_url)}/settings/api-keys"
    try:
        _refuse_misuse(settings, given, keys)
        token = await _ask(keys, open_page=given.open)
        if not given.no_check:
            await _check(settings, token, keys)
        _keep(settings, token, given)
    except _Refused as end:
        say(str(end))
        return end.code
    say("Next: `mogplex-mcp install` adds this server to your clients, `mogplex-mcp doctor` checks everything.")
    return ExitCode.OK


async def logout(settings: Settings, _: Namespace) -> int:
    """Forget what `login` kept for this address, wherever it kept it.

    Returns:
        1 if a place could not be asked or changed.
    """
    address = address_of(settings)
    removed, failed = [], False
    for store in _stores(settings):
        try:
            if store.remove(address):
                removed.append(store.name)
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
        say(f"Another one is still found in {' and '.join(others)}.")
    say(f"The token itself stays valid until you revoke it at {web_url(settings.base_url)}/settings/api-keys.")
    return ExitCode.FAILURE if failed else ExitCode.OK


def _refuse_misuse(settings: Settings, given: Namespace, keys: str) -> None:
    if given.token:
        raise _Refused(ExitCode.USAGE, _UNSAFE.format(keys=keys))
    if given.file and given.keyring:
        raise _Refused(ExitCode.USAGE, "Choose --file or --keyring, not both.")
    if settings.demo:
        raise _Refused(ExitCode.USAGE, "--demo needs no token, so there is nothing to keep.")


async def _ask(keys: str, *, open_page: bool) -> Token:
    say(f"Create a token with the scopes read and write at {keys}")
    if open_page and not webbrowser.open(keys):
        say("No browser could be opened.")
    try:
        text = await read_secret("Paste the token (it is not shown): ")
        if not text.strip():
            raise _Refused(ExitCode.UNAUTHORIZED, "No token was given, so nothing was stored.")
        return Token.parse(text)
    except InputError as error:
        raise _Refused(ExitCode.UNAUTHORIZED, str(error)) from None
    except MogplexError as error:
        raise _Refused(ExitCode.UNAUTHORIZED, f"{error.message} Nothing was stored.") from None


async def _check(settings: Settings, token: Token, keys: str) -> None:
    """Ask Mogplex about the token, and say what is known of it.

    Raises:
        _Refused: Mogplex does not accept it; or that cannot be known, and nobody wants to keep it all the same.
    """
    from mogplex_mcp.diagnosis.account import describe  # noqa: PLC0415 - slow to import

    try:
        with anyio.fail_after(CHECK_SECONDS):
            say(f"Mogplex accepts the token. {await describe(settings, token)}")
    except TimeoutError:
        await _offer_unchecked(ExitCode.UNAVAILABLE, "Mogplex did not answer in time.")
    except MogplexError as error:
        from mogplex_mcp.reply.untrusted import clean_line  # noqa: PLC0415 - only here

        said, code = clean_line(error.message, 300), exit_code_of(error.code)
        if error.code is ErrorCode.UNAUTHORIZED:
            raise _Refused(
                code,
                f"Mogplex does not accept this token ({said}). It may be mistyped, revoked or expired: create another "
                f"at {keys}. During an outage Mogplex refuses every token; --no-check keeps it without asking. "
                "Nothing was stored.",
            ) from None
        await _offer_unchecked(code, f"The token could not be checked: {said}")


async def _offer_unchecked(code: ExitCode, reason: str) -> None:
    say(reason)
    if not (has_person() and await confirm("Keep the token without a check?")):
        raise _Refused(
            code, "Nothing was stored. Try again later, or add --no-check to keep it without asking Mogplex."
        )


def _keep(settings: Settings, token: Token, given: Namespace) -> None:
    """Put the token where it is to be, take an older one out of where it is not, and say what comes before it.

    Raises:
        _Refused: It cannot be kept.
    """
    address = address_of(settings)
    file = file_store(settings)
    wanted: list[TokenStore] = [] if given.file else [KEYRING]
    wanted += [file] if file and not given.keyring else []
    kept = _put(wanted, address, token)
    if kept is None:
        instead = (
            "Try it without --keyring."
            if given.keyring
            else "Give it in MOGPLEX_API_KEY, or in a file that MOGPLEX_API_KEY_FILE names, where you need it."
        )
        raise _Refused(ExitCode.FAILURE, f"The token could not be kept. {instead}")
    say(f"The token is kept in {kept.name}, for {address} alone.")
    for store in _stores(settings):
        # The keyring was asked already where the file is only the second choice.
        if store.name != kept.name and (store is not KEYRING or given.file):
            _forget(store, address)
    found = find_token(settings)
    if found.source != kept.name:
        say(f"What {found.source} holds comes before it: remove that, or the token just stored is not used.")


def _put(stores: Sequence[TokenStore], address: str, token: Token) -> TokenStore | None:
    """Keep a token in the first store that takes it; None if none does."""
    for store in stores:
        try:
            store.put(address, token.value)
        except NoKeyringError as error:
            if stores[1:]:
                continue  # who never asked for the extra need not hear that it is missing
            say(str(error))
        except StoreError as error:
            first = store is not stores[-1]
            say(
                f"{error} If it holds an older token, that one comes first when it works again."
                if first
                else str(error)
            )
        else:
            return store
    return None


def _forget(store: TokenStore, address: str) -> None:
    try:
        store.remove(address)
    except NoKeyringError:
        return
    except StoreError as error:
        say(f"{error} If it holds an older token, that one may be found first.")


def _stores(settings: Settings) -> list[TokenStore]:
    file = file_store(settings)
    return [KEYRING, *([file] if file else [])]
