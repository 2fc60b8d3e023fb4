"""Evals: tasks that a model carries out with this server's tools on a simulated Mogplex, and what came of them."""
