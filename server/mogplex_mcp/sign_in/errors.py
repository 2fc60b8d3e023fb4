"""How a sign-in fails."""

from mogplex_mcp.api.errors import ErrorCode, MogplexError


class SignInError(MogplexError):
    """A sign-in that did not end in tokens; nothing was stored. The message is for people.

    Args:
        message: What happened, as sentences.
    """

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.UNAUTHORIZED, message)


class SignInEndedError(MogplexError):
    """Mogplex refuses to refresh: the person has signed out elsewhere, or was away for too long."""

    def __init__(self) -> None:
        super().__init__(
            ErrorCode.NO_TOKEN,
            "Mogplex has ended the sign-in of this machine (signed out elsewhere, or not used for too long): sign in "
            "again with `mogplex-mcp login`.",
        )
