"""What outlives a process, in SQLite or PostgreSQL: starts, request counts, learnt waits, migrations. All SQL is here."""
