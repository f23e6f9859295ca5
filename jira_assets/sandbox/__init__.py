"""A Jira to run against, and the embedded servers of a machine that has none."""
