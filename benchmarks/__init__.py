"""Programs that measure, on virtual time: run them from the root of the repository."""
