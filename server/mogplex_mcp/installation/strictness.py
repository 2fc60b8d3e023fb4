"""What a client can't read in its own configuration, although editors and `json_tree` can."""

import contextlib
import json

from mogplex_mcp.installation import InstallationError
from mogplex_mcp.installation.client import COMMAS, COMMENTS, Client
from mogplex_mcp.installation.configuration_file import ConfigurationFile
from mogplex_mcp.installation.json_tree import line_of, parse


def check_strictness(client: Client, file: ConfigurationFile) -> None:
    """Refuse a text that its client can't parse: an entry in it would not be read, and others are not already.

    Raises:
        InstallationError: There is a comment or a trailing comma; the message has the line.
    """
    if client.format != "json" or client.accepts >= {COMMENTS, COMMAS}:
        return
    with contextlib.suppress(ValueError, RecursionError):
        json.loads(file.text)  # ten times as fast for a file that has neither, which may have megabytes
        return
    tree = parse(file.text)
    comments = [one.start for one in tree.comments]
    found = [(COMMENTS, comments), (COMMAS, tree.trailing_commas)]
    for what, positions in found:
        if positions and what not in client.accepts:
            raise InstallationError(
                f"{file.path}: {client.title} cannot read this file: line {line_of(file.text, min(positions))} has "
                f"{what}. Remove it in an editor, then run this again."
            )
