"""Revisions of the tables, applied by ``warehouse.migrate``. Forward only."""
