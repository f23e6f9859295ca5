"""One file a revision, in order. Each is frozen once released, and imports no table definition."""
