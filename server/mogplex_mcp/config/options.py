"""The table of options: environment variables, command-line flags, parsers, help."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mogplex_mcp.api.base_url import normalise_base_url
from mogplex_mcp.core.redaction import Secret

_MOST_COUNT: Final = 100_000

LOG_LEVELS: Final = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class Option:
    """An option.

    Attributes:
        setting: The field of `Settings` that it sets.
        environment: Names of environment variables; the first one that is set counts.
        help: One line for --help and the reference.
        read: Parses the text, or raises ValueError with the valid values.
        flag: The flag without dashes; empty if the value must not appear in a command line.
        metavar: Name of the value in --help; empty for a switch.
        commands: The commands that have it; empty for all. A command with few options lists them itself.
        has_safe_default: Whether a server with an invalid value can go on with the default. It can't if that may allow
            what the user meant to forbid, or reach another Mogplex.
        widens: Whether it allows more than the default; then it is never taken over from a shell into an entry.
    """

    setting: str
    environment: tuple[str, ...]
    help: str
    read: Callable[[str], Any]
    flag: str = ""
    metavar: str = ""
    commands: tuple[str, ...] = ()
    has_safe_default: bool = False
    widens: bool = False


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
        raise ValueError(f"write an absolute path, since there is no home directory for {text!r}") from None


def _database_url(text: str) -> Secret:
    if not text.startswith(("postgresql://", "postgres://")):
        # The text itself may be a password.
        raise ValueError("write the address of a PostgreSQL database, as postgresql://user@host/database")
    return Secret(text)


OPTIONS: Final[Sequence[Option]] = (
    Option(
        "api_key",
        ("MOGPLEX_API_KEY", "MOGPLEX_TOKEN", "MOGPLEX_API_TOKEN"),
        "The token: a personal access token (mog_…) or an OAuth access token. Not a flag: others can read those.",
        Secret,
    ),
    Option("api_key_file", ("MOGPLEX_API_KEY_FILE",), "File with the token.", _path, "api-key-file", "FILE"),
    Option(
        "base_url",
        ("MOGPLEX_URL", "MOGPLEX_BASE_URL", "MOGPLEX_API_URL"),
        "Address of Mogplex, with or without the path of the API.",
        normalise_base_url,
        "url",
        "URL",
    ),
    Option(
        "max_wait",
        ("MOGPLEX_MCP_MAX_WAIT",),
        "Longest wait of tail_run in seconds (default: by the client's timeout, if known).",
        _number(1, 3_600),
        "max-wait",
        "SECONDS",
        has_safe_default=True,
    ),
    Option("toolsets", ("MOGPLEX_MCP_TOOLSETS",), "Toolsets to enable, or all.", _names, "toolsets", "NAME,…"),
    Option("tools", ("MOGPLEX_MCP_TOOLS",), "Tools to enable.", _names, "tools", "NAME,…"),
    Option("exclude_tools", ("MOGPLEX_MCP_EXCLUDE_TOOLS",), "Tools to disable.", _names, "exclude-tools", "NAME,…"),
    Option("read_only", ("MOGPLEX_MCP_READ_ONLY",), "Disable all tools that change anything.", _switch, "read-only"),
    Option(
        "allow_destructive",
        ("MOGPLEX_MCP_ALLOW_DESTRUCTIVE",),
        "Run destructive tools without confirmation in clients that can't ask for it.",
        _switch,
        "allow-destructive",
        has_safe_default=True,
        widens=True,
    ),
    Option(
        "default_repo",
        ("MOGPLEX_DEFAULT_REPO",),
        "Repository for tool calls without one.",
        str,
        "default-repo",
        "OWNER/NAME",
    ),
    Option(
        "state_file",
        ("MOGPLEX_MCP_STATE_FILE",),
        "File of the run journal and the request count, shared by all servers of this user.",
        _path,
        "state-file",
        "FILE",
        has_safe_default=True,
    ),
    Option(
        "without_journal",
        ("MOGPLEX_MCP_WITHOUT_JOURNAL",),
        "Keep the journal in memory: runs are not listed after a restart, and repeated starts take longer to find.",
        _switch,
        "without-journal",
        has_safe_default=True,
        widens=True,
    ),
    Option(
        "remember_prompts",
        ("MOGPLEX_MCP_REMEMBER_PROMPTS",),
        "Store the first line of prompts in the journal (default: true).",
        _switch,
        "remember-prompts",
        "BOOLEAN",
    ),
    Option(
        "allow_secrets_in_prompts",
        ("MOGPLEX_MCP_ALLOW_SECRETS_IN_PROMPTS",),
        "Accept keys and tokens in prompts and other arguments, which are rejected otherwise.",
        _switch,
        "allow-secrets-in-prompts",
        has_safe_default=True,
        widens=True,
    ),
    Option(
        "log_level",
        ("MOGPLEX_MCP_LOG_LEVEL",),
        "Log level on stderr: debug, info, warning or error.",
        _level,
        "log-level",
        "LEVEL",
        has_safe_default=True,
    ),
    Option(
        "early_answers",
        ("MOGPLEX_MCP_EARLY_ANSWERS",),
        "Answer a client's first requests while the server loads (default: true).",
        _switch,
        "early-answers",
        "BOOLEAN",
        has_safe_default=True,
    ),
    Option(
        "demo", ("MOGPLEX_MCP_DEMO",), "Use a simulated Mogplex in this process; needs no account.", _switch, "demo"
    ),
    Option(
        "demo_seconds",
        ("MOGPLEX_MCP_DEMO_SECONDS",),
        "Duration of a run in the simulated Mogplex.",
        _number(1, 86_400),
        "demo-seconds",
        "SECONDS",
        has_safe_default=True,
    ),
    Option(
        "database_url",
        ("MOGPLEX_MCP_DATABASE_URL",),
        "PostgreSQL database for the state of several replicas, in place of the state file; "
        "leave the password to PGPASSWORD or a password file.",
        _database_url,
        "database-url",
        "URL",
        ("http",),
    ),
    Option("host", ("MOGPLEX_MCP_HOST",), "Address to listen on.", str, "host", "ADDRESS", ("http",)),
    Option("port", ("MOGPLEX_MCP_PORT",), "Port to listen on; 0 picks a free one.", _port, "port", "PORT", ("http",)),
    Option(
        "allowed_hosts",
        ("MOGPLEX_MCP_ALLOWED_HOSTS",),
        "Host names of the server, in addition to the loopback names.",
        _names,
        "allowed-host",
        "NAME,…",
        ("http",),
    ),
    Option(
        "client_key",
        ("MOGPLEX_MCP_CLIENT_KEY",),
        "Key that HTTP callers can send instead of a Mogplex token, to use this server's token.",
        Secret,
        commands=("http",),
    ),
    Option(
        "oauth",
        ("MOGPLEX_MCP_OAUTH",),
        "Let clients sign in: tell those without a token that Mogplex is the authorization server.",
        _switch,
        "oauth",
        commands=("http",),
        widens=True,
    ),
    Option(
        "max_requests",
        ("MOGPLEX_MCP_MAX_REQUESTS",),
        "Limit of concurrent requests (default: 2000).",
        _count,
        "max-requests",
        "NUMBER",
        ("http",),
    ),
    Option(
        "max_requests_per_caller",
        ("MOGPLEX_MCP_MAX_REQUESTS_PER_CALLER",),
        "Limit of concurrent requests per token (default: 256).",
        _count,
        "max-requests-per-caller",
        "NUMBER",
        ("http",),
    ),
    Option(
        "access_log",
        ("MOGPLEX_MCP_ACCESS_LOG",),
        "Write a line of JSON to stderr for each request, without tokens and arguments.",
        _switch,
        "access-log",
        commands=("http",),
    ),
    Option(
        "metrics_port",
        ("MOGPLEX_MCP_METRICS_PORT",),
        "Port to serve metrics on for Prometheus, at /metrics; 0 picks a free one (default: no metrics).",
        _port,
        "metrics-port",
        "PORT",
        ("http",),
    ),
    Option(
        "metrics_host",
        ("MOGPLEX_MCP_METRICS_HOST",),
        "Address to serve metrics on (default: 127.0.0.1).",
        str,
        "metrics-host",
        "ADDRESS",
        ("http",),
    ),
    Option(
        "drain_seconds",
        ("MOGPLEX_MCP_DRAIN_SECONDS",),
        "How long after SIGTERM requests are still served, while /readyz responds with 503 (default: 0).",
        _number(0, 600),
        "drain-seconds",
        "SECONDS",
        ("http",),
    ),
)
