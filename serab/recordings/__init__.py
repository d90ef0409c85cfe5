"""A user's recordings, however many, to a table with one row a recording or a window of it."""
