"""Lists of recordings: a folder or a CSV file, checked; AudioSet's speech among them."""

from datamodules.manifest.recordings import (
    Manifest,
    Recording,
    check_recordings,
    read_manifest,
    scan_folder,
)

__all__ = ["Manifest", "Recording", "check_recordings", "read_manifest", "scan_folder"]
