"""Jira in Postgres, as Dagster assets.

The rooms, in the direction of the data: ``jira`` reads, ``extract`` lands, ``queue`` hands over,
``transform`` shapes, ``warehouse`` keeps. ``jobs`` says when, ``sandbox`` stands in for the rest.
"""

__version__ = "0.1.0"
