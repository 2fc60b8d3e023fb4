"""Scripts that let a shell complete commands, options and their values; static, so that a Tab asks nothing and nobody.

All three are made of the same table: by the words of a command that stand in a line already, what can come next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

PROGRAM: Final = "mogplex-mcp"
_NEWLINE: Final = "\n"  # which an expression inside of an f-string could not hold before Python 3.12


@dataclass(frozen=True)
class Position:
    """A place in the command line: behind the words of one command.

    Attributes:
        words: What can stand there, with what it means: commands below, or values of an argument.
        options: Options of this command, with what they mean.
        values: What can stand behind an option; options with a value of any kind have an empty list.
    """

    words: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)


Positions = Mapping[str, Position]
"""All places, by the words of the command, such as "runs events"; "" is the beginning."""


def bash(places: Positions) -> str:
    """A script for bash."""
    cases = []
    for path, place in places.items():
        offered = " ".join([*place.words, *place.options])
        cases.append(f"        {_quoted(path)}) echo {_quoted(offered)} ;;")
    return f"""# Completion of {PROGRAM} for bash. Load it with: eval "$({PROGRAM} completion bash)"
_mogplex_mcp_next() {{
    case "$1" in
{_NEWLINE.join(cases)}
    esac
}}
{_values_function(places)}
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


def zsh(places: Positions) -> str:
    """A script for zsh."""
    cases = []
    for path, place in places.items():
        offered = " ".join(_quoted(f"{word}:{meaning}") for word, meaning in {**place.words, **place.options}.items())
        cases.append(f"        {_quoted(path)}) offered=({offered}) ;;")
    return f"""#compdef {PROGRAM}
# Completion of {PROGRAM} for zsh. Load it with: eval "$({PROGRAM} completion zsh)"
_mogplex_mcp_next() {{
    offered=()
    case "$1" in
{_NEWLINE.join(cases)}
    esac
}}
{_values_function(places)}
_mogplex_mcp() {{
    local place="" word skip="" found
    local -a offered
    for word in "${{(@)words[2,CURRENT-1]}}"; do
        if [[ -n "$skip" ]]; then
            skip=""
        elif [[ "$word" == -* ]]; then
            _mogplex_mcp_values "$place $word" >/dev/null && skip=1
        else
            _mogplex_mcp_next "${{place:+$place }}$word"
            (( $#offered )) && place="${{place:+$place }}$word"
        fi
    done
    if [[ -n "$skip" ]]; then
        found="$(_mogplex_mcp_values "$place ${{words[CURRENT-1]}}")"
        if [[ -n "$found" ]]; then compadd -- ${{=found}}; else _files; fi
        return
    fi
    _mogplex_mcp_next "$place"
    _describe 'mogplex-mcp' offered
}}
(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit; }}
compdef _mogplex_mcp {PROGRAM}
"""


def fish(places: Positions) -> str:
    """A script for fish."""
    lines = [
        f"# Completion of {PROGRAM} for fish. Load it with: {PROGRAM} completion fish | source",
        "function __mogplex_mcp_place",
        "    set -l place",
        "    set -l skip",
        "    for word in (commandline -opc)[2..]",
        '        if test -n "$skip"',
        "            set skip",
        "        else if string match -q -- '-*' $word",
        '            contains -- "$place $word" $__mogplex_mcp_valued; and set skip 1',
        '        else if contains -- (string trim "$place $word") $__mogplex_mcp_places',
        '            set place (string trim "$place $word")',
        "        end",
        "    end",
        '    echo -n "$place"',
        "end",
        "function __mogplex_mcp_at",
        "    set -l place (__mogplex_mcp_place)",
        '    test "$place" = "$argv[1]"',
        "end",
        f"set -g __mogplex_mcp_places {' '.join(_quoted(path) for path in places if path)}",
        "set -g __mogplex_mcp_valued "
        + " ".join(_quoted(f"{path} {option}") for path, place in places.items() for option in place.values),
        f"complete -c {PROGRAM} -f",
    ]
    for path, place in places.items():
        condition = _quoted(f'__mogplex_mcp_at "{path}"')
        here = f"complete -c {PROGRAM} -n {condition}"
        lines += [f"{here} -a {_quoted(word)} -d {_quoted(meaning)}" for word, meaning in place.words.items()]
        for option, meaning in place.options.items():
            takes = ""
            if option in place.values:
                values = place.values[option]
                takes = f" -x -a {_quoted(' '.join(values))}" if values else " -r -F"
            lines.append(f"{here} -l {option.removeprefix('--')} -d {_quoted(meaning)}{takes}")
    return "\n".join(lines) + "\n"


SHELLS: Final = {"bash": bash, "zsh": zsh, "fish": fish}


def _values_function(places: Positions) -> str:
    """What bash and zsh share: a function that says the values of an option, and fails where it takes none."""
    cases = [
        f"        {_quoted(f'{path} {option}')}) echo {_quoted(' '.join(values))} ;;"
        for path, place in places.items()
        for option, values in place.values.items()
    ]
    return f"""_mogplex_mcp_values() {{
    case "$1" in
{_NEWLINE.join(cases)}
        *) return 1 ;;
    esac
}}"""


def _quoted(text: str) -> str:
    """The text as one word of a shell; quotes of its own become typographic ones, which all three take."""
    return "'" + text.replace("'", "\u2019") + "'"
