"""The one error of this package."""


class InstallationError(Exception):
    """A configuration cannot be read or changed; the message names the file, what is wrong, and what to do."""
