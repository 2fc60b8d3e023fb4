"""Everything a user can choose, in one table: environment names, flags, defaults, help.

Nothing else reads the environment.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import platformdirs

from mogplex_mcp.api.base_url import DEFAULT_BASE_URL, normalise_base_url

_MOST_COUNT: Final = 100_000

LOG_LEVELS: Final = ("debug", "info", "warning", "error")


class SettingsError(ValueError):
    """A setting has a value that it cannot have; the message names it and says what to write."""


@dataclass(frozen=True)
class Secret:
    """A value that no `repr`, log or error shows."""

    value: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __str__(self) -> str:
        return "(hidden)" if self.value else "(not set)"


@dataclass(frozen=True)
class Settings:
    """The choices of one user for one process.

    Attributes:
        base_url: Mogplex's API, normalised.
        api_key: The token as the environment gives it, unchecked.
        api_key_file: A file that holds the token.
        home: The user's home directory, if there is one.
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
    api_key: Secret = Secret()
    api_key_file: Path | None = None
    home: Path | None = None
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
    demo: bool = False
    demo_seconds: float = 25.0
    host: str = "127.0.0.1"
    port: int = 8765
    allowed_hosts: tuple[str, ...] = ()
    client_key: Secret = Secret()
    max_requests: int = 2_000
    max_requests_per_caller: int = 200

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
        values: dict[str, Any] = {"home": home, "state_file": _state_file() if home else None}
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
            values |= {"state_file": None, "api_key": Secret(), "base_url": DEFAULT_BASE_URL}
        return cls(**values)


@dataclass(frozen=True)
class Option:
    """One choice of the user.

    Attributes:
        setting: The field of `Settings` that it fills.
        environment: Names of variables, the first one that is set counts.
        help: One line for --help and the reference.
        read: Makes the value of the text, or raises ValueError with what to write instead.
        flag: The name of the option without dashes; empty if it must never stand in a command line.
        metavar: What the value is called in --help; empty for a switch.
        commands: The commands that it belongs to; none for all.
    """

    setting: str
    environment: tuple[str, ...]
    help: str
    read: Callable[[str], Any]
    flag: str = ""
    metavar: str = ""
    commands: tuple[str, ...] = ()


def _home(environment: Mapping[str, str] | None) -> Path | None:
    """The user's home directory; desktop programs start servers without the variable that names it."""
    names = ("USERPROFILE", "HOME") if os.name == "nt" else ("HOME", "USERPROFILE")
    given = os.environ if environment is None else environment
    text = next((given[name] for name in names if given.get(name)), "")
    if not text and environment is None:
        text = os.path.expanduser("~").removeprefix("~")  # noqa: PTH111 - Path.home() raises where there is none
    return Path(text) if text else None


def _state_file() -> Path:
    return platformdirs.user_state_path("mogplex-mcp", appauthor=False) / "state.sqlite3"


def _switch(text: str) -> bool:
    value = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if text.lower() not in value:
        raise ValueError(f"write true or false, not {text!r}")
    return value[text.lower()]


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _number(least: float, most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"write a number of seconds, not {text!r}") from None
        if not least <= value <= most:
            raise ValueError(f"write a number from {least:g} to {most:g}, not {text}")
        return value

    return read


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_COUNT:
        raise ValueError(f"write a whole number from 1 to {_MOST_COUNT}, not {text!r}")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:  # noqa: PLR2004 - the highest port
        raise ValueError(f"write a port from 0 to 65535, not {text!r}")
    return int(text)


def _level(text: str) -> str:
    if text.lower() not in LOG_LEVELS:
        raise ValueError(f"write one of {', '.join(LOG_LEVELS)}, not {text!r}")
    return text.lower()


def _path(text: str) -> Path:
    if not text:
        raise ValueError("write the path of a file")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ValueError(f"write a whole path, since there is no home directory for {text!r}") from None


OPTIONS: Final[Sequence[Option]] = (
    Option(
        "api_key",
        ("MOGPLEX_API_KEY", "MOGPLEX_TOKEN", "MOGPLEX_API_TOKEN"),
        "The personal access token (mog_…). Never an option: command lines can be read by others.",
        Secret,
    ),
    Option("api_key_file", ("MOGPLEX_API_KEY_FILE",), "A file that holds the token.", _path, "api-key-file", "FILE"),
    Option(
        "base_url",
        ("MOGPLEX_URL", "MOGPLEX_BASE_URL", "MOGPLEX_API_URL"),
        "Where Mogplex is, in any spelling.",
        normalise_base_url,
        "url",
        "URL",
    ),
    Option(
        "max_wait",
        ("MOGPLEX_MCP_MAX_WAIT",),
        "Seconds that tail_run may wait at the most (default: by what is known of the client).",
        _number(1, 3_600),
        "max-wait",
        "SECONDS",
    ),
    Option("toolsets", ("MOGPLEX_MCP_TOOLSETS",), "Toolsets to offer, or all.", _names, "toolsets", "NAME,…"),
    Option("tools", ("MOGPLEX_MCP_TOOLS",), "Tools to offer.", _names, "tools", "NAME,…"),
    Option("exclude_tools", ("MOGPLEX_MCP_EXCLUDE_TOOLS",), "Tools never to offer.", _names, "exclude-tools", "NAME,…"),
    Option("read_only", ("MOGPLEX_MCP_READ_ONLY",), "Offer no tool that changes anything.", _switch, "read-only"),
    Option(
        "allow_destructive",
        ("MOGPLEX_MCP_ALLOW_DESTRUCTIVE",),
        "Change what needs the user's consent without it, in clients that cannot ask.",
        _switch,
        "allow-destructive",
    ),
    Option(
        "default_repo",
        ("MOGPLEX_DEFAULT_REPO",),
        "The repository that is meant where a tool is given none.",
        str,
        "default-repo",
        "OWNER/NAME",
    ),
    Option(
        "state_file",
        ("MOGPLEX_MCP_STATE_FILE",),
        "The journal of runs and the count of requests, shared by all bridges of this user.",
        _path,
        "state-file",
        "FILE",
    ),
    Option(
        "without_journal",
        ("MOGPLEX_MCP_WITHOUT_JOURNAL",),
        "Keep the journal in memory: runs are then not protected against a second start after a crash.",
        _switch,
        "without-journal",
    ),
    Option(
        "remember_prompts",
        ("MOGPLEX_MCP_REMEMBER_PROMPTS",),
        "Whether the journal keeps the first line of prompts (default: true).",
        _switch,
        "remember-prompts",
        "BOOLEAN",
    ),
    Option(
        "allow_secrets_in_prompts",
        ("MOGPLEX_MCP_ALLOW_SECRETS_IN_PROMPTS",),
        "Hand on prompts and other arguments in which there is a key or token; they are refused otherwise.",
        _switch,
        "allow-secrets-in-prompts",
    ),
    Option(
        "log_level",
        ("MOGPLEX_MCP_LOG_LEVEL",),
        "How much to say on stderr: debug, info, warning or error.",
        _level,
        "log-level",
        "LEVEL",
    ),
    Option(
        "demo", ("MOGPLEX_MCP_DEMO",), "Talk to a simulated Mogplex inside this process: no account.", _switch, "demo"
    ),
    Option(
        "demo_seconds",
        ("MOGPLEX_MCP_DEMO_SECONDS",),
        "How long a run takes in the simulated Mogplex.",
        _number(1, 86_400),
        "demo-seconds",
        "SECONDS",
    ),
    Option("host", ("MOGPLEX_MCP_HOST",), "The address to serve on.", str, "host", "ADDRESS", ("http", "simulator")),
    Option(
        "port",
        ("MOGPLEX_MCP_PORT",),
        "The port to serve on; 0 picks one.",
        _port,
        "port",
        "PORT",
        ("http", "simulator"),
    ),
    Option(
        "allowed_hosts",
        ("MOGPLEX_MCP_ALLOWED_HOSTS",),
        "Names under which callers may address the server, beside the loopback ones.",
        _names,
        "allowed-host",
        "NAME,…",
        ("http",),
    ),
    Option(
        "client_key",
        ("MOGPLEX_MCP_CLIENT_KEY",),
        "What HTTP callers may show instead of a token of their own, to use this server's.",
        Secret,
        commands=("http",),
    ),
    Option(
        "max_requests",
        ("MOGPLEX_MCP_MAX_REQUESTS",),
        "How many requests are answered at the same time (default: 2000).",
        _count,
        "max-requests",
        "NUMBER",
        ("http",),
    ),
    Option(
        "max_requests_per_caller",
        ("MOGPLEX_MCP_MAX_REQUESTS_PER_CALLER",),
        "How many of them may be of one token (default: 200).",
        _count,
        "max-requests-per-caller",
        "NUMBER",
        ("http",),
    ),
)
