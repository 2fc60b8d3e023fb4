"""Options and settings: what a user can choose, read once."""
