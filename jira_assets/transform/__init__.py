"""Raw pages to snapshots (pure functions), the assets around them, and their checks."""
