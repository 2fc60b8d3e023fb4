"""Tenants: the credentials, client, budget and journal of each identity."""
