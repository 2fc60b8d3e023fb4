"""What every package may use: redaction, shutdown, standard streams, deadlines, private files."""
