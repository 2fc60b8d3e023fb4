"""Installation of this server in the configuration files of MCP clients, and its removal.

- `clients`: the table of clients: location and format of their configuration.
- `machine`: the paths of that table for one user and project.
- `launch`: the command that a client starts, which has to work without a shell's PATH.
- `entry`: an entry for a client, and parsing it.
- `json_tree`, `json_text`, `toml_text`: edit one entry of a text; comments, order and other entries stay.
- `document`: the same for either format, verified by parsing the result.
- `configuration_file`: the file on disk: symbolic links, byte order mark, backup, atomic replacement.
- `plan`: the change of one file, made without writing; `difference` shows it without secrets.
- `installed`: the entries of this server on this machine.

Nothing here depends on MCP or Mogplex, and no token is ever written.
"""


class InstallationError(Exception):
    """A configuration can't be read or changed; the message has the file, the reason and the remedy."""
