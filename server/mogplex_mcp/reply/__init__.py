"""Replies of tools: their model, rendering, output limit and untrusted text."""
