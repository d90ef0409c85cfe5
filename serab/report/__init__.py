"""Reports of runs: the paper's table and the user's, pictures, tests, provenance; as one page."""
