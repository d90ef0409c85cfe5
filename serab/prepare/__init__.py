"""From an official archive, or a folder in any layout, to a checked index of a corpus."""

from serab.prepare.corpus import prepare
from serab.prepare.downloads import fetch
from serab.prepare.errors import PrepareError

__all__ = ["PrepareError", "fetch", "prepare"]
