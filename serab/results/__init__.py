"""What an evaluation keeps: rows, predictions, a summary."""

from serab.results.records import ClassifierResult, Predictions, RegressionResult
from serab.results.run_files import RunFiles

__all__ = ["ClassifierResult", "Predictions", "RegressionResult", "RunFiles"]
