"""What the analyses of runs found, as blocks of the report and tables on the screen."""
