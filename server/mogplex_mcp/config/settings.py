"""The choices of one user for one process, from the environment and the command line.

Nothing else reads the environment.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import platformdirs

from mogplex_mcp.api.base_url import DEFAULT_BASE_URL
from mogplex_mcp.config.options import OPTIONS
from mogplex_mcp.core.redaction import NO_SECRET, Secret

# They move what MCP clients keep in a user's home directory, which `mogplex-mcp install` has to find.
FOLDER_VARIABLES: Final = (
    "APPDATA",
    "LOCALAPPDATA",
    "XDG_CONFIG_HOME",
    "CLAUDE_CONFIG_DIR",
    "CODEX_HOME",
    "GEMINI_CLI_HOME",
)


class SettingsError(ValueError):
    """A setting has a value that it cannot have; the message names it and says what to write."""


@dataclass(frozen=True)
class Settings:
    """The choices of one user for one process.

    Attributes:
        base_url: Mogplex's API, normalised.
        api_key: The token as the environment gives it, unchecked.
        api_key_file: A file that holds the token.
        home: The user's home directory, if there is one.
        folders: What variables say of where programs keep their files, by variable.
        token_file: Where `mogplex-mcp login` keeps tokens that are in no keyring; None where there is no home for it.
        state_file: The journal of runs and the count of requests; None keeps both in memory.
        max_wait: The longest that a tool call waits, in seconds; None leaves it to what is known of the client.
        toolsets: Names of toolsets to offer; empty for those that are on by default.
        tools: Names of tools to offer.
        exclude_tools: Names of tools never to offer.
        read_only: Offer nothing that writes.
        allow_destructive: Do without the user's consent where a client cannot ask for it.
        default_repo: The repository that is meant where none is given.
        without_journal: Start runs even if they cannot be written down first.
        remember_prompts: Keep the first line of prompts in the journal.
        allow_secrets_in_prompts: Hand on what holds a key, in prompts and other arguments.
        log_level: How much to say on stderr.
        early_answers: Answer what clients ask at every start before the server is loaded, as at an earlier start.
        demo: Talk to a Mogplex inside this process.
        demo_seconds: How long a run takes there.
        host: The address to serve HTTP on.
        port: The port to serve HTTP on; 0 picks a free one.
        allowed_hosts: Names under which the HTTP server may be addressed, beside the loopback ones.
        client_key: What HTTP callers show to use this process's own token.
        max_requests: How many HTTP requests are answered at the same time.
        max_requests_per_caller: How many of them may be of one caller.
    """

    base_url: str = DEFAULT_BASE_URL
    api_key: Secret = NO_SECRET
    api_key_file: Path | None = None
    home: Path | None = None
    folders: Mapping[str, str] = field(default_factory=dict, hash=False)
    token_file: Path | None = None
    state_file: Path | None = None
    max_wait: float | None = None
    toolsets: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    exclude_tools: tuple[str, ...] = ()
    read_only: bool = False
    allow_destructive: bool = False
    default_repo: str = ""
    without_journal: bool = False
    remember_prompts: bool = True
    allow_secrets_in_prompts: bool = False
    log_level: str = "warning"
    early_answers: bool = True
    demo: bool = False
    demo_seconds: float = 25.0
    host: str = "127.0.0.1"
    port: int = 8765
    allowed_hosts: tuple[str, ...] = ()
    client_key: Secret = NO_SECRET
    max_requests: int = 2_000
    # As many as there are connections to Mogplex.
    max_requests_per_caller: int = 256

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None) -> "Settings":
        """Settings from the environment, with flags before it.

        Args:
            environment: Variables; None for those of this process.
            flags: Texts of options by setting, as the command line gave them; None and missing ones do not count.

        Raises:
            SettingsError: A value cannot be used.
        """
        home = _home(environment)
        environment = os.environ if environment is None else environment
        values: dict[str, Any] = {"home": home}
        if home:
            values |= {"token_file": _token_file(), "state_file": _state_file()}
        values["folders"] = {name: environment[name] for name in FOLDER_VARIABLES if environment.get(name)}
        for option in OPTIONS:
            given = (flags or {}).get(option.setting)
            source = f"--{option.flag}" if given is not None else ""
            for name in option.environment:
                if given is None and (environment.get(name) or "").strip():
                    given, source = environment[name], name
            if given is None:
                continue
            try:
                values[option.setting] = option.read(str(given).strip())
            except ValueError as error:
                raise SettingsError(f"{source}: {error}") from None
        if values.get("demo"):
            # A demo's runs are gone when it ends, and its token is no secret.
            values |= {"state_file": None, "api_key": NO_SECRET, "base_url": DEFAULT_BASE_URL}
        return cls(**values)


def _home(environment: Mapping[str, str] | None) -> Path | None:
    """The user's home directory; desktop programs start servers without the variable that names it."""
    names = ("USERPROFILE", "HOME") if os.name == "nt" else ("HOME", "USERPROFILE")
    given = os.environ if environment is None else environment
    text = next((given[name] for name in names if given.get(name)), "")
    if not text and environment is None:
        text = os.path.expanduser("~").removeprefix("~")  # noqa: PTH111 - Path.home() raises where there is none
    return Path(text) if text else None


def _token_file() -> Path:
    return platformdirs.user_config_path("mogplex-mcp", appauthor=False) / "tokens.json"


def _state_file() -> Path:
    return platformdirs.user_state_path("mogplex-mcp", appauthor=False) / "state.sqlite3"
