"""Variables of the environment: those to hand on to a server, and texts that hosts leave in their values.

A client's configuration has placeholders such as `${input:token}` or `%TOKEN%`. A client that does not know them passes
them on as they are, and `docker --env-file` passes on quotes.
"""

import re
from typing import Final

from mogplex_mcp.core.redaction import without_keys

# What the connection to Mogplex and the keyring depend on, and desktop programs do not have.
_PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
KEYRING_VARIABLES: Final = ("PYTHON_KEYRING_BACKEND", "DBUS_SESSION_BUS_ADDRESS")
FORWARDED: Final = (
    *_PROXIES,
    *(name.lower() for name in _PROXIES),
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    *KEYRING_VARIABLES,
)
_QUOTES: Final = ('""', "''", "``", "“”")
_PLACEHOLDER: Final = re.compile(
    r"\$?\{\{.*\}\}|\{%.*%\}"  # {{token}}, ${{ secrets.TOKEN }}, {% token %}
    r"|(?:\\|\$)?(?:mog_)?\$\{.*\}|\$\(.*\)|\$(?:env:\w+|[A-Z_][A-Z0-9_]*)"  # ${input:token}, $(TOKEN), $TOKEN
    r"|%?\{[A-Za-z_][\w.:-]*\}|#\{[^{}]*\}#?"  # {token}, {env:TOKEN}, %{TOKEN}, #{TOKEN}#
    r"|%[A-Za-z_][\w.()-]*%|%\(\w+\)s|__[A-Za-z]\w*__|@[A-Za-z_]\w*@|![A-Za-z_]\w*!"
    r"|(?:mog_)?<[^<>]*>|\[[A-Za-z][A-Za-z _-]*\]"  # <your token>, [your token]
    r"|op://.*"  # 1Password
    r"|(?i:(?:mog_)?your[ _-][\w -]*)"  # mog_YOUR_TOKEN, your-token-here
    r"|(?i:(?:replace|change|insert|paste|enter)[ _-]?(?:me|this|with|here|your|a|the|api|key|token)(?:[ _-][\w -]*)?)"
    r"|(?i:todo)|mog_(?:[xX]+|[.…*]+)|[xX*.…]{3,}",
    re.DOTALL,
)
_CREDENTIALS: Final = re.compile(r"://[^/\s@]*@")
_LONGEST_PLACEHOLDER: Final = 200


def unquoted(text: str) -> str:
    """Return a value without the blanks and the pairs of quotes around it."""
    text = text.strip()
    while len(text) > 1 and text[0] + text[-1] in _QUOTES:
        text = text[1:-1].strip()
    return text


def is_placeholder(text: str) -> bool:
    """Return whether a value is nothing but a placeholder that a host did not fill in."""
    return len(text) <= _LONGEST_PLACEHOLDER and _PLACEHOLDER.fullmatch(text) is not None


def has_credentials(text: str) -> bool:
    """Return whether a value contains a key, or a URL with a user name or password."""
    return without_keys(text) != text or _CREDENTIALS.search(text) is not None
