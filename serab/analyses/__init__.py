"""What a score is worth: one file an analysis, from cached embeddings, under the strict rules.

`turns` has what they share: a corpus in turns in which each speaker is tested once, and the choice
of classifier; `pooling` makes scores and intervals over speakers of all turns together.
"""
