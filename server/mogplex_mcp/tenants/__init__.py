"""What belongs to one identity: credentials, client, budget, ledger, calls in flight."""
