"""Checks of `mogplex-mcp doctor`: one module per group of checks, which `examination` runs.

A check changes nothing but the count of requests. Untrusted text (responses, names in certificates, names of tools) is
cleaned before it is shown.
"""
