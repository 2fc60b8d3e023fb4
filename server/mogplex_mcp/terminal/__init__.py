"""Mogplex for people in a terminal: tools called in person, tables, a live view of runs."""
