"""``python -m jira_assets``: the command line."""

from jira_assets.cli import main

if __name__ == "__main__":
    main()
