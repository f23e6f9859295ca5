"""The pool that bounds how many sites are read at once. No Dagster here: the limit is its own.

``concurrency.pools`` of ``dagster.yaml`` holds a default for every pool; a limit of this one alone
is set in the UI (Deployment, Concurrency) or by ``dagster instance concurrency set``.
"""

from typing import Final

SITES_POOL: Final = "jira_sites"
