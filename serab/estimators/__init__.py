"""scikit-learn's classifiers and their answers, over a whole grid and faster."""
