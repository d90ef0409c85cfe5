"""What a score is worth: one file an analysis, from cached embeddings, under the strict rules.

`folds` has what they share: a corpus in folds in which each speaker is tested once, and the choice
of classifier; `pooling` makes scores and intervals over speakers of all folds together.
"""
