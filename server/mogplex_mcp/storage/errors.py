"""Errors of the stores."""


class StateError(OSError):
    """The state cannot be read or written; the message says which store and why, in one line."""


class DamagedStateError(StateError):
    """The state file isn't a database any more, or not a whole one."""


class DatabaseError(StateError):
    """The database that replicas share cannot be used now; it may be back in a moment."""


class NewerSchemaError(OSError):
    """The state was written by a newer release; it is left as it is."""
