"""What is kept on disk: the state file and the journal of runs. All SQL is here."""
