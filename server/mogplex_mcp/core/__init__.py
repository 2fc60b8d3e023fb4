"""What every room may use: redaction, shutdown, standard streams, deadlines, private files."""
