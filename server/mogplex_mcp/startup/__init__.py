"""Responses to the first requests of a client while the server is still loading, made when the package is built."""
