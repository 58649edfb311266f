"""Models head-to-head on the same cases: what is compared, evaluated, and written."""
