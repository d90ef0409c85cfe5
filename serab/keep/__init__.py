"""Chosen classifiers, fitted, calibrated and kept in files from which nothing is unpickled."""
