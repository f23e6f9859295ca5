"""Speaks HTTP to Jira. Knows nothing of Dagster or Postgres and imports no other room."""
