"""Postgres: table definitions, migrations, landing, merge, and the IO managers around them.

Imports no other room.
"""
