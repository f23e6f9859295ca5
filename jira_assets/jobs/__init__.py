"""When things run: the partitions sensor, the reconciler of dead runs."""
