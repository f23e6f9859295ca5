"""The HTTP service: ask for a run, watch it, look at what is there. Knows nothing of Dagster."""
