"""Find what is wrong with the environment variables that name certificates: OpenSSL ignores in silence what is."""

import os
import re
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mogplex_mcp.core.cleaning import clean_line

# Variables of other programs, which are often taken for general ones.
_OF_OTHERS: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "AWS_CA_BUNDLE", "PIP_CERT")
_SHOWN_CHARACTERS: Final = 200
_HASHED_NAME: Final = re.compile(r"[0-9a-f]{8}\.\d+")
_USES_SYSTEM: Final = ("darwin", "win32")


def find_certificate_problem(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> str:
    """Return which variable is ignored, why, and what to set, in sentences; "" if there is none.

    Args:
        environment: The environment variables.
        platform: As `sys.platform`.
    """
    named = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if environment.get(name)]
    if platform in _USES_SYSTEM:
        ignored = [*named, *(name for name in _OF_OTHERS if environment.get(name))]
        if not ignored:
            return ""
        return (
            f"{' and '.join(ignored)} {'is' if len(ignored) == 1 else 'are'} not read on this system: "
            "add the certificate to the certificates that the system trusts."
        )
    problems = [problem for name in named if (problem := _problem(name, environment[name]))]
    if problems:
        return " ".join(problems)
    others = [name for name in _OF_OTHERS if environment.get(name)]
    if others and not named:
        return (
            f"{others[0]} is set, which mogplex-mcp does not read: set SSL_CERT_FILE to "
            f"{_shown(environment[others[0]])} as well."
        )
    return ""


def _problem(name: str, value: str) -> str:
    if name == "SSL_CERT_DIR":
        if any(_has_hashed_names(Path(one)) for one in value.split(os.pathsep)):
            return ""
        reason = "is not a folder with certificates under names of their hashes"
        return f"SSL_CERT_DIR is {_shown(value)}, which {reason}: run `openssl rehash` on it, or unset the variable."
    if reason := _problem_of_file(Path(value)):
        return f"SSL_CERT_FILE is {_shown(value)}, which {reason}: set it to a file of certificates in PEM form."
    return ""


def _problem_of_file(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return "does not exist"
    except IsADirectoryError:
        return "is a folder, not a file"
    except (OSError, ValueError) as error:
        return f"cannot be read ({type(error).__name__})"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except (OSError, ValueError):
        is_der = content[:1] == b"\x30"
        return "is in DER form, not in PEM form" if is_der else "holds no certificate that can be read"
    return ""


def _has_hashed_names(folder: Path) -> bool:
    try:
        return any(_HASHED_NAME.fullmatch(one.name) for one in folder.iterdir())
    except (OSError, ValueError):
        return False


def _shown(value: str) -> str:
    return f'"{clean_line(value, _SHOWN_CHARACTERS)}"'
