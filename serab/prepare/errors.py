"""What can't become an index."""

from __future__ import annotations

from collections.abc import Iterable


class PrepareError(ValueError):
    """A source that can't become an index. The message says what and the way out; `listing` has
    the names it is about, one a line."""

    def __init__(self, message: str, listing: Iterable[str] = ()):
        super().__init__(message)
        self.listing = tuple(listing)
