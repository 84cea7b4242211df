"""Tunnels: ways to a database that lead over another machine."""
