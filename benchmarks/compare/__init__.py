"""This server and what could be used instead, measured side by side: `python -m benchmarks.compare`."""
