"""Many jobs as one: their records, their table, their processes."""
