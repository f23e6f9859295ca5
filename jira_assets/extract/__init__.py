"""The raw_* assets: what is read from Jira and landed as it came."""
