"""What a day of retention is in a soak: minutes, so that an hour shows what months would.

Named where a process must know it; nothing here loads the product.
"""

from datetime import timedelta
from typing import Final

DAY: Final = timedelta(minutes=5)
NIGHTS: Final = "*/20 * * * *"
"""When the nightly refresh ticks, which bounds the raw data of issues: each time it reads in full
whatever has changed since."""
PRUNINGS: Final = "*/5 * * * *"
KEEP_EXTRACTIONS: Final = 1
"""A job starts some five times in an hour: of more than one, nothing would go before its end."""
KEEP_DAYS: Final = 1
FULL_AFTER_DAYS: Final = 0
LOCATION_MODULE: Final = "jira_assets_tests.soak.location"
DAEMON_MODULE: Final = "jira_assets_tests.soak.daemon_parts"


def days(real: float) -> float:
    """Return how many real days so many days of retention are in a soak."""
    return real * (DAY / timedelta(days=1))
