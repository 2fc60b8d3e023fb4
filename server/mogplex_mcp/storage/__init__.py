"""What outlives a process, in SQLite or PostgreSQL: starts, request counts, waits, migrations. All SQL is here."""
