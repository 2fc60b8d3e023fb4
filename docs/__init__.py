"""Documentation pages, and the generators of those that are derived from the code."""
