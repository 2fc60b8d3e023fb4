"""Putting this server into the configuration of MCP clients, taking it out again, and finding where it stands.

One module for each job:

- `clients`: the table of clients: where each keeps its configuration, what an entry looks like there.
- `machine`: the paths of that table on one machine, for one user, in one project.
- `launch`: the command that a client starts, which must be found without a shell's PATH.
- `entry`: the entry of one client, and reading it back.
- `json_tree`, `json_text`, `toml_text`: changing one entry of a text; comments, order and foreign entries stay.
- `document`: the same for either format, checked by reading the result again.
- `configuration_file`: the file on the disk: symbolic links, byte order mark, backup, atomic replacement.
- `plan`: what would be changed, made without a change; `difference` shows it without secrets.
- `installed`: every entry of this server on this machine, for `mogplex-mcp install` without names and for `doctor`.

Nothing here knows of MCP or of Mogplex, and no token is ever written.
"""
