"""What a file of weights holds and says, checked before anything is built from it."""

from pathlib import Path

SHIPPED = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.safetensors"))}
"""Our own encoders by name; README.md beside them is their card."""
