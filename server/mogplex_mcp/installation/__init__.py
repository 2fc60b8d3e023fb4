"""Installation of this server in the configuration files of MCP clients, and its removal.

- `client`: what is known of an MCP client: location, format and strictness of its configuration, fields of an entry.
- `clients`: the table of clients, with `client_families` for rows that several programs share.
- `machine`: the paths of that table for one user and project.
- `launch`: the command that a client starts, which has to work without a shell's PATH.
- `shell`: settings and variables that only the shell has, and the entry needs.
- `entry`: an entry for a client, and parsing it.
- `json_tree`, `json_text`, `toml_text`, `yaml_text`: edit one entry of a text; comments, order and other entries stay.
- `document`: the same for any format, verified by parsing the result.
- `strictness`: what a client can't read in its own configuration.
- `configuration_file`: the file on disk: symbolic links, byte order mark, backups, atomic replacement.
- `plan`: the change of one file, made without writing; `difference` shows it without secrets.
- `running`: whether a client runs that would undo a change.
- `installed`: the entries of this server on this machine.

Nothing here depends on MCP or Mogplex, and no token is ever written.
"""


class InstallationError(Exception):
    """A configuration can't be read or changed; the message has the file, the reason and the remedy."""
