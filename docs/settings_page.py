"""Generate the table of settings from the options of the program."""

from collections.abc import Iterator

from mogplex_mcp.config.options import OPTIONS, Option


def table() -> str:
    """Return a Markdown table with a row for each option."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "| Variable | Option | Meaning |"
    yield "|---|---|---|"
    for option in OPTIONS:
        variables = ", ".join(f"`{name}`" for name in option.environment)
        yield f"| {variables} | {_flag(option)} | {_meaning(option)} |"


def _flag(option: Option) -> str:
    flag = f"--{option.flag} {option.metavar}".strip()
    return f"`{flag}`" if option.flag else ""


def _meaning(option: Option) -> str:
    only = f" (`{', '.join(option.commands)}` only)" if option.commands else ""
    return option.help.replace("|", "\\|") + only
