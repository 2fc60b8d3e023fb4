"""This server with as many requests a minute as are asked for: else a minute's budget would end what is measured.

Everything is done as always, the count in the state file too; only its limit is out of reach and its minute so short
that it holds some tens of requests, as a user's does. No user can set that.
"""

import runpy

from mogplex_mcp.api import budget

RAISED = {"UNITS_PER_MINUTE": 1_000_000_000, "WINDOW_SECONDS": 0.05}

for name, value in RAISED.items():
    if not hasattr(budget, name):
        raise AttributeError(f"the budget has no {name} any more: raise what it has instead")
    setattr(budget, name, value)

runpy.run_module("mogplex_mcp", run_name="__main__", alter_sys=True)
