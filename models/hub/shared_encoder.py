"""An encoder as others can load it: config.json, model.safetensors and a card in a folder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, PyTorchModelHubMixin
from huggingface_hub.errors import HfHubHTTPError

from models.checkpoint import load_encoder
from models.encoders import encoder_spec
from models.hub.model_card import Score, card_data, card_text
from models.hub_download import WEIGHTS, UnreachableError, download, endpoint, reachable
from models.speech_encoder import SpeechEncoder
from models.weights.artefact import shared_bytes


class SharedEncoder(SpeechEncoder, PyTorchModelHubMixin):
    """A `SpeechEncoder` with `save_pretrained`, `from_pretrained` and `push_to_hub`.

    Args:
        encoder: from `load_encoder`; its weights are used as they are.
        licence: of the weights, as the Hub names licences. By default MIT for an encoder that
            train.py trained; others' weights come with terms of their own.
        scores: for the model card, from `models.hub.model_card.read_scores`.
        recipe: for the model card, from `models.hub.recipe.read_recipe`.

    Raises:
        ValueError: weights without a training record and no licence given.
    """

    def __init__(
        self,
        encoder: SpeechEncoder,
        licence: str | None = None,
        scores: tuple[Score, ...] = (),
        recipe: str = "",
    ):
        if licence is None and not encoder.about:
            raise ValueError(
                f"{encoder.name}: these weights don't say who trained them; give the licence that "
                "they came with, such as --license mit."
            )
        super().__init__(
            encoder.encoder, encoder.frontend, encoder.norm, encoder.name, encoder.about
        )
        self.licence, self.scores, self.recipe = licence or "mit", scores, recipe
        self.config = self._hub_mixin_config = {
            **encoder_spec(encoder.encoder, encoder.frontend),
            "norm": None if encoder.norm is None else list(encoder.norm),
            "about": encoder.about,
        }

    def generate_model_card(self, *args: Any, **kwargs: Any) -> ModelCard:
        data = card_data(self.name, self.licence, self.scores)
        parameters = sum(p.numel() for p in self.encoder.parameters())
        text = card_text(self.config, parameters, self.scores, self.recipe)
        return ModelCard(f"---\n{data.to_yaml()}\n---\n\n{text}")

    def _save_pretrained(self, save_directory: Path) -> None:
        # the mixin would keep an older card of this folder, with the scores of other weights
        (save_directory / "README.md").unlink(missing_ok=True)
        weights = {key: value.contiguous() for key, value in self.encoder.state_dict().items()}
        (save_directory / WEIGHTS).write_bytes(shared_bytes(self.config, weights))

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        revision: str | None = None,
        trust: str | None = None,
        **kwargs: Any,
    ) -> SharedEncoder:
        """Load a folder or a Hub repository; an unknown encoder, or any code, is refused.

        Args:
            pretrained_model_name_or_path: a folder that `save_pretrained` wrote, or USER/NAME.
            revision: branch, tag or commit of the repository.
            trust: as in `load_encoder`.

        Raises:
            models.files.CheckpointError: see `load_encoder`.
            models.hub_download.UnreachableError: a repository that can't be had.
            TypeError: other arguments of the mixin, which have no meaning here.
        """
        if kwargs:
            raise TypeError(f"from_pretrained: unknown arguments {', '.join(sorted(kwargs))}")
        path = Path(pretrained_model_name_or_path)
        folder = path if path.exists() else download(str(pretrained_model_name_or_path), revision)
        return cls(load_encoder(folder, trust=trust), licence=_licence(folder)).eval()


def _licence(folder: Path) -> str:
    card = folder / "README.md"  # not fetched from the Hub
    return (ModelCard.load(card).data.license if card.is_file() else None) or "other"


def save_shared(encoder: SharedEncoder, folder: Path) -> Path:
    """`save_pretrained`, each file put in its place whole.

    Raises:
        OSError: no room or no permission.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".writing-") as temporary:
            encoder.save_pretrained(temporary)
            for file in sorted(Path(temporary).iterdir()):
                file.replace(folder / file.name)
    except OSError as error:
        raise OSError(
            f"{folder}: can't be written ({error.strerror or error}); make room or choose another "
            "--out."
        ) from error
    return folder


def push(encoder: SharedEncoder, repo_id: str, private: bool = False) -> str:
    """`push_to_hub`; returns the commit's address.

    Raises:
        UnreachableError: no network, no login, or no right to write there.
    """
    if not reachable():
        raise UnreachableError(
            f"{repo_id}: {endpoint()} can't be reached; check the network. A folder written with "
            "--out can be uploaded later: hf upload USER/NAME DIR"
        )
    try:
        return str(encoder.push_to_hub(repo_id, private=private))
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UnreachableError(
            f"{repo_id}: {endpoint()} doesn't take it ({reason}); log in with: hf auth login, and "
            "check that the name is USER/NAME and yours."
        ) from error
