"""A clip as it is, and one augmented view of it: what the hybrid looks at."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from models.augmentations import TwoViews


class PlainAndView(TwoViews):
    """Log-mels (B, 1, F, T) -> the same, normalised, and an augmented view.

    The first is what evaluation embeds, and what the descriptors are true of: a box that is
    cropped from the log-mel and resized has another pitch. The second is BYOL-A's.

    Arguments: as `TwoViews`.
    """

    @torch.no_grad()
    def forward(
        self, log_mel: Float[Tensor, "B 1 F T"]
    ) -> tuple[Float[Tensor, "B 1 F T"], Float[Tensor, "B 1 F T"]]:
        """Both of float32, whatever the precision around.

        Raises:
            ValueError: a mixup memory for clips of another length.
        """
        if self.mixup is not None and self.mixup.memory.shape[1:] != log_mel.shape[1:]:
            raise ValueError(
                f"augment.mixup.frames={self.mixup.memory.shape[-1]}: clips have "
                f"{log_mel.shape[-1]} frames here, set it to that (a perturbed clip is shorter "
                "than data.clip_seconds by module.perturb's highest speed)."
            )
        with torch.autocast(log_mel.device.type, enabled=False):
            plain = self.pre_norm(log_mel)
            return plain, self.augmented(plain, 1)
