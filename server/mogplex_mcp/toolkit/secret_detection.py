"""Keys and tokens in arguments: refused, since agents, logs and pull requests show what they were given."""

from collections.abc import Mapping
from typing import Any, Final

from mogplex_mcp.core.redaction import find_key
from mogplex_mcp.operations.errors import InvalidArgumentError

# Where a secret belongs.
_MEANT_FOR_KEYS: Final = ("set_env_var", "value")


def refuse_keys(tool: str, values: Mapping[str, Any], own: str) -> None:
    """Refuse arguments in which there is a key.

    Args:
        tool: The tool's name.
        values: Its arguments.
        own: The token of whoever calls.

    Raises:
        InvalidArgumentError: What it looks like and where it belongs; never the key itself.
    """
    for name, value in values.items():
        if (tool, name) != _MEANT_FOR_KEYS and (kind := find_key(value, own)):
            raise InvalidArgumentError(
                f"{name} holds what looks like {kind}; agents, logs and pull requests would show it to others. Take it "
                "out: what an agent needs belongs into the environment variables of the repository. If it really has "
                "to be handed on, the user can set MOGPLEX_MCP_ALLOW_SECRETS_IN_PROMPTS=1"
            )
