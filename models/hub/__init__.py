"""Share an encoder: a folder that others load, and the Hugging Face Hub."""

from models.hub.shared_encoder import SharedEncoder, push, save_shared

__all__ = ["SharedEncoder", "push", "save_shared"]
