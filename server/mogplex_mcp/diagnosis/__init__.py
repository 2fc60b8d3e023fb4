"""What `mogplex-mcp doctor` looks at: one module for each group of checks, `examination` runs them.

A check finds facts and never changes anything but the count of requests. What others wrote (answers, names in
certificates, names of tools) is cleaned before it is shown.
"""
