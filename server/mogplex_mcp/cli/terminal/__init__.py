"""Mogplex for people in a terminal: tables, progress, messages, a live view of runs."""
