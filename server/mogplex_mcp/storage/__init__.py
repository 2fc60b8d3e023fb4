"""Keep what outlives a process: the ledger of starts, request counts, learnt wait limits. All SQL is here."""
