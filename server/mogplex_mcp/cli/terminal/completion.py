"""Completion scripts for shells: commands, options and their values.

The scripts are static: completing starts no process and sends no request. All three are made from the same table, which
maps the command typed so far to the candidates for the next word.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

PROGRAM: Final = "mogplex-mcp"
_NEWLINE: Final = "\n"  # expressions in f-strings cannot hold a backslash before Python 3.12


@dataclass(frozen=True)
class Candidates:
    """The candidates for the next word after a command.

    Attributes:
        words: Subcommands, or values of a positional argument, with their descriptions.
        options: Options of the command, with their descriptions.
        values: Values of options that take one; empty for a value of any kind.
    """

    words: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)


CompletionTable = Mapping[str, Candidates]
"""The candidates by the command typed so far, such as "runs events"; "" for none yet."""


def bash(table: CompletionTable) -> str:
    """Return the script for bash."""
    cases = []
    for path, candidates in table.items():
        offered = " ".join([*candidates.words, *candidates.options])
        cases.append(f"        {_quoted(path)}) echo {_quoted(offered)} ;;")
    return f"""# Completion of {PROGRAM} for bash. Load it with: eval "$({PROGRAM} completion bash)"
_mogplex_mcp_next() {{
    case "$1" in
{_NEWLINE.join(cases)}
    esac
}}
{_values_function(table)}
_mogplex_mcp() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" path="" word values skip="" at
    COMPREPLY=()
    for ((at = 1; at < COMP_CWORD; at++)); do
        word="${{COMP_WORDS[at]}}"
        if [[ -n "$skip" ]]; then
            skip=""
        elif [[ "$word" == -* ]]; then
            _mogplex_mcp_values "$path $word" >/dev/null && skip=1
        elif [[ -n "$(_mogplex_mcp_next "${{path:+$path }}$word")" ]]; then
            path="${{path:+$path }}$word"
        fi
    done
    if [[ -n "$skip" ]]; then
        values="$(_mogplex_mcp_values "$path ${{COMP_WORDS[COMP_CWORD-1]}}")"
        if [[ -z "$values" ]]; then
            compopt -o default 2>/dev/null
            return
        fi
        COMPREPLY=($(compgen -W "$values" -- "$current"))
        return
    fi
    COMPREPLY=($(compgen -W "$(_mogplex_mcp_next "$path")" -- "$current"))
}}
complete -F _mogplex_mcp {PROGRAM}
"""


def zsh(table: CompletionTable) -> str:
    """Return the script for zsh."""
    cases = []
    for path, candidates in table.items():
        offered = " ".join(
            _quoted(f"{word}:{meaning}") for word, meaning in {**candidates.words, **candidates.options}.items()
        )
        cases.append(f"        {_quoted(path)}) offered=({offered}) ;;")
    return f"""#compdef {PROGRAM}
# Completion of {PROGRAM} for zsh. Load it with: eval "$({PROGRAM} completion zsh)"
_mogplex_mcp_next() {{
    offered=()
    case "$1" in
{_NEWLINE.join(cases)}
    esac
}}
{_values_function(table)}
_mogplex_mcp() {{
    local command="" word skip="" found
    local -a offered
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        if [[ -n "$skip" ]]; then
            skip=""
        elif [[ "$word" == -* ]]; then
            _mogplex_mcp_values "$command $word" >/dev/null && skip=1
        else
            _mogplex_mcp_next "${{command:+$command }}$word"
            (( $#offered )) && command="${{command:+$command }}$word"
        fi
    done
    if [[ -n "$skip" ]]; then
        found="$(_mogplex_mcp_values "$command ${{words[CURRENT-1]}}")"
        if [[ -n "$found" ]]; then compadd -- ${{=found}}; else _files; fi
        return
    fi
    _mogplex_mcp_next "$command"
    _describe 'mogplex-mcp' offered
}}
(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit; }}
compdef _mogplex_mcp {PROGRAM}
"""


def fish(table: CompletionTable) -> str:
    """Return the script for fish."""
    lines = [
        f"# Completion of {PROGRAM} for fish. Load it with: {PROGRAM} completion fish | source",
        "function __mogplex_mcp_command",
        "    set -l command",
        "    set -l skip",
        "    for word in (commandline -opc)[2..]",
        '        if test -n "$skip"',
        "            set skip",
        "        else if string match -q -- '-*' $word",
        '            contains -- "$command $word" $__mogplex_mcp_valued; and set skip 1',
        '        else if contains -- (string trim "$command $word") $__mogplex_mcp_commands',
        '            set command (string trim "$command $word")',
        "        end",
        "    end",
        '    echo -n "$command"',
        "end",
        "function __mogplex_mcp_at",
        "    set -l command (__mogplex_mcp_command)",
        '    test "$command" = "$argv[1]"',
        "end",
        f"set -g __mogplex_mcp_commands {' '.join(_quoted(path) for path in table if path)}",
        "set -g __mogplex_mcp_valued "
        + " ".join(_quoted(f"{path} {option}") for path, candidates in table.items() for option in candidates.values),
        f"complete -c {PROGRAM} -f",
    ]
    for path, candidates in table.items():
        condition = _quoted(f'__mogplex_mcp_at "{path}"')
        here = f"complete -c {PROGRAM} -n {condition}"
        lines += [f"{here} -a {_quoted(word)} -d {_quoted(meaning)}" for word, meaning in candidates.words.items()]
        for option, meaning in candidates.options.items():
            takes = ""
            if option in candidates.values:
                values = candidates.values[option]
                takes = f" -x -a {_quoted(' '.join(values))}" if values else " -r -F"
            lines.append(f"{here} -l {option.removeprefix('--')} -d {_quoted(meaning)}{takes}")
    return "\n".join(lines) + "\n"


SHELLS: Final = {"bash": bash, "zsh": zsh, "fish": fish}


def _values_function(table: CompletionTable) -> str:
    """Return a function for bash and zsh that prints the values of an option, and fails for a switch."""
    cases = [
        f"        {_quoted(f'{path} {option}')}) echo {_quoted(' '.join(values))} ;;"
        for path, candidates in table.items()
        for option, values in candidates.values.items()
    ]
    return f"""_mogplex_mcp_values() {{
    case "$1" in
{_NEWLINE.join(cases)}
        *) return 1 ;;
    esac
}}"""


def _quoted(text: str) -> str:
    """Return the text as one word of a shell; its apostrophes become typographic ones, which need no escaping."""
    return "'" + text.replace("'", "\u2019") + "'"
