"""Settings of a process, from the environment and the command line.

No other module reads the environment.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from mogplex_mcp.api.base_url import DEFAULT_BASE_URL
from mogplex_mcp.config.environment import FORWARDED, is_placeholder, unquoted
from mogplex_mcp.config.options import OPTIONS, Option
from mogplex_mcp.config.user_files import user_files_of
from mogplex_mcp.core.redaction import NO_SECRET, Secret, without_keys

# They move configuration files of MCP clients, which `mogplex-mcp install` has to find.
FOLDER_VARIABLES: Final = (
    "APPDATA",
    "LOCALAPPDATA",
    "XDG_CONFIG_HOME",
    "CLAUDE_CONFIG_DIR",
    "CODEX_HOME",
    "GEMINI_CLI_HOME",
    "COPILOT_HOME",
    "CLINE_DIR",
    "CLINE_MCP_SETTINGS_PATH",
    "AMP_SETTINGS_FILE",
    "CONTINUE_GLOBAL_DIR",
    "WSL_DISTRO_NAME",  # of a Linux below Windows, whose programs start this server in it
)

_LONGEST_REASON: Final = 300


class SettingsError(ValueError):
    """A setting has an invalid value; the message has its name and the valid values."""


@dataclass(frozen=True)
class Settings:
    """Settings of a process.

    Attributes:
        base_url: Base URL of the Mogplex API, normalised.
        api_key: The token from the environment, not validated.
        api_key_file: File with the token.
        home: The user's home directory, if there is one.
        folders: Values of `FOLDER_VARIABLES` that are set, by variable.
        token_file: File in which `mogplex-mcp login` stores tokens without a keyring; None without a home directory.
        state_file: File of the run journal and the request count; None keeps both in memory.
        old_token_files: Where earlier releases stored tokens.
        old_state_files: Where earlier releases had the state file.
        max_wait: Longest wait of a tool call in seconds; None for the timeout known of the client.
        toolsets: Toolsets to enable; empty for the default ones.
        tools: Tools to enable.
        exclude_tools: Tools to disable.
        read_only: Disable all tools that write.
        allow_destructive: Skip the confirmation if a client can't ask for it.
        default_repo: Repository for tool calls without one.
        without_journal: Start runs even if the journal can't be written.
        remember_prompts: Store the first line of prompts in the journal.
        allow_secrets_in_prompts: Accept keys in prompts and other arguments.
        log_level: Log level on stderr.
        early_answers: Send responses that were made when the package was built while the server loads.
        demo: Use a simulated Mogplex in this process.
        demo_seconds: Duration of a run in the simulation.
        database_url: PostgreSQL database for the state of several replicas; empty for the state file.
        host: HTTP address to listen on.
        port: HTTP port to listen on; 0 picks a free one.
        allowed_hosts: Host names of the HTTP server, in addition to the loopback names.
        client_key: Key with which HTTP callers use this process's own token.
        oauth: Tell HTTP clients without a token to sign in to Mogplex.
        max_requests: Limit of concurrent HTTP requests.
        max_requests_per_caller: Limit of concurrent HTTP requests per caller.
        access_log: Log HTTP requests on stderr.
        metrics_port: Port for metrics; 0 picks a free one, None serves none.
        metrics_host: Address for metrics.
        drain_seconds: How long requests are still served after a signal.
        unfilled: Variables and flags with a placeholder that a host did not fill in; they count as not set.
        notes: Invalid values in whose place a default is used, each as a sentence.
        refusals: Invalid values without which no tool may run, each as a sentence.
        from_shell: Texts that the environment gave for settings that are no secrets, by setting.
        forwarded: Values of `FORWARDED` that are set, by variable.
    """

    base_url: str = DEFAULT_BASE_URL
    api_key: Secret = NO_SECRET
    api_key_file: Path | None = None
    home: Path | None = None
    folders: Mapping[str, str] = field(default_factory=dict, hash=False)
    token_file: Path | None = None
    state_file: Path | None = None
    old_token_files: tuple[Path, ...] = ()
    old_state_files: tuple[Path, ...] = ()
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
    database_url: Secret = NO_SECRET
    host: str = "127.0.0.1"
    port: int = 8765
    allowed_hosts: tuple[str, ...] = ()
    client_key: Secret = NO_SECRET
    oauth: bool = False
    max_requests: int = 2_000
    # The number of connections to Mogplex.
    max_requests_per_caller: int = 256
    access_log: bool = False
    metrics_port: int | None = None
    metrics_host: str = "127.0.0.1"
    drain_seconds: float = 0.0
    unfilled: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    from_shell: Mapping[str, str] = field(default_factory=dict, hash=False, compare=False, repr=False)
    forwarded: Mapping[str, str] = field(default_factory=dict, hash=False, compare=False, repr=False)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what the user should know of the settings, in sentences."""
        unfilled = (
            f"{name} contains a placeholder that was not filled in: it counts as not set." for name in self.unfilled
        )
        return (*unfilled, *self.notes, *self.refusals)

    def refusing(self, reason: str) -> "Settings":
        """Return these settings for a server that runs no tool, since its selection of tools is invalid."""
        return replace(self, toolsets=(), tools=(), exclude_tools=(), refusals=(*self.refusals, reason))

    @classmethod
    def load(
        cls,
        environment: Mapping[str, str] | None = None,
        flags: Mapping[str, Any] | None = None,
        *,
        lenient: bool = False,
    ) -> "Settings":
        """Load settings from the environment and from flags, which take precedence.

        Args:
            environment: Environment variables; None for those of this process.
            flags: Texts from the command line, by setting; None for options that were not given.
            lenient: Keep invalid values as `notes` and `refusals`, for a server whose client would show no error.

        Raises:
            SettingsError: A value is invalid.
        """
        home = _home(environment)
        environment = os.environ if environment is None else environment
        values: dict[str, Any] = {"home": home}
        if home:
            values |= vars(user_files_of(home, sys.platform, environment))
        values["folders"] = {name: environment[name] for name in FOLDER_VARIABLES if environment.get(name)}
        values["forwarded"] = {name: environment[name] for name in FORWARDED if environment.get(name)}
        values["from_shell"] = {}
        for option in OPTIONS:
            source, given = _given(option, environment, flags or {}, values)
            if given is None:
                continue
            try:
                values[option.setting] = option.read(given)
                if option.setting == "state_file":
                    values["old_state_files"] = ()
            except ValueError as error:
                if not lenient:
                    raise SettingsError(f"{source}: {error}") from None
                list_name = "notes" if option.has_safe_default else "refusals"
                reason = without_keys(f"{error}".rstrip("."))[:_LONGEST_REASON]
                values[list_name] = (*values.get(list_name, ()), f"{source} is invalid: {reason}.")
        if values.get("demo"):
            # Its runs don't belong in the user's journal, and its token isn't a secret.
            file = _demo_file(values.get("state_file"))
            values |= {"state_file": file, "api_key": NO_SECRET, "base_url": DEFAULT_BASE_URL}
        return cls(**values)


def _given(
    option: Option, environment: Mapping[str, str], flags: Mapping[str, Any], values: dict[str, Any]
) -> tuple[str, str | None]:
    """Return where the text of an option was found, and the text; None if it is not set.

    Placeholders are skipped, and listed in `values["unfilled"]`.
    """
    flag = flags.get(option.setting)
    found = [(f"--{option.flag}", str(flag))] if flag is not None else []
    found += [(name, environment[name]) for name in option.environment if unquoted(environment.get(name) or "")]
    for source, text in found:
        if not is_placeholder(unquoted(text)):
            if option.flag and not source.startswith("-"):
                values["from_shell"][option.setting] = unquoted(text)
            return source, unquoted(text)
        values["unfilled"] = (*values.get("unfilled", ()), source)
    return "", None


def _home(environment: Mapping[str, str] | None) -> Path | None:
    """Return the user's home directory, also if a desktop program starts the server without HOME."""
    names = ("USERPROFILE", "HOME") if os.name == "nt" else ("HOME", "USERPROFILE")
    given = os.environ if environment is None else environment
    text = next((given[name] for name in names if given.get(name)), "")
    if not text and environment is None:
        text = os.path.expanduser("~").removeprefix("~")  # noqa: PTH111 - Path.home() raises where there is none
    # A relative one would be another folder for each working directory.
    return Path(text) if Path(text).is_absolute() else None


def _demo_file(state_file: Path | None) -> Path | None:
    """Return the journal of demos, next to the user's own; None where no file can be written."""
    if state_file is None:
        return None
    existing = next((folder for folder in state_file.parents if folder.exists()), None)
    return state_file.with_name("demo.sqlite3") if existing and os.access(existing, os.W_OK) else None
