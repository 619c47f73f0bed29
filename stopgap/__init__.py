"""Contain a broken-into server: runbooks, inventories and runs, from Python."""
