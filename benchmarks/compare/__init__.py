"""Comparison of this server with alternatives: `python -m benchmarks.compare`."""
