"""What a user can choose, in one table: names of variables, flags, how texts are read, help."""

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
    """One choice of the user.

    Attributes:
        setting: The field of `Settings` that it fills.
        environment: Names of variables, the first one that is set counts.
        help: One line for --help and the reference.
        read: Makes the value of the text, or raises ValueError with what to write instead.
        flag: The name of the option without dashes; empty if it must never stand in a command line.
        metavar: What the value is called in --help; empty for a switch.
        commands: The commands that it belongs to; none for all. A command with use for few names them itself.
    """

    setting: str
    environment: tuple[str, ...]
    help: str
    read: Callable[[str], Any]
    flag: str = ""
    metavar: str = ""
    commands: tuple[str, ...] = ()


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
        "early_answers",
        ("MOGPLEX_MCP_EARLY_ANSWERS",),
        "Whether clients get the answers of an earlier start while the server is being loaded (default: true).",
        _switch,
        "early-answers",
        "BOOLEAN",
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
    Option("host", ("MOGPLEX_MCP_HOST",), "The address to serve on.", str, "host", "ADDRESS", ("http",)),
    Option("port", ("MOGPLEX_MCP_PORT",), "The port to serve on; 0 picks one.", _port, "port", "PORT", ("http",)),
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
        "How many of them may be of one token (default: 256).",
        _count,
        "max-requests-per-caller",
        "NUMBER",
        ("http",),
    ),
)
