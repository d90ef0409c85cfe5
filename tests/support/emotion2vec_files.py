"""emotion2vec's two files as they are published, of a tiny network whose weights are a formula."""

from __future__ import annotations

from pathlib import Path

import torch
import yaml

from serab.extractors.emotion2vec.network import Emotion2vecNetwork
from serab.extractors.emotion2vec.published import PREFIX, layout_of, read_config

AUDIO = {
    "type": "AUDIO",
    "prenet_depth": 1,
    "prenet_layerdrop": 0.05,
    "prenet_dropout": 0.1,
    "start_drop_path_rate": 0.0,
    "end_drop_path_rate": 0.0,
    "num_extra_tokens": 3,
    "init_extra_token_zero": True,
    "use_alibi_encoder": True,
    "alibi_scale": 1.0,
    "learned_alibi": False,
    "alibi_max_pos": None,
    "learned_alibi_scale": True,
    "learned_alibi_scale_per_head": True,
    "learned_alibi_scale_per_layer": False,
    "num_alibi_heads": 6,
    "model_depth": 2,
    "local_grad_mult": 1.0,
    "decoder": None,
    "extractor_mode": "layer_norm",
    "feature_encoder_spec": "[(8, 10, 5)] + [(8, 3, 2)] * 4 + [(8,2,2)] + [(8,2,2)]",
    "conv_pos_width": 15,
    "conv_pos_groups": 2,
    "conv_pos_depth": 3,
    "conv_pos_pre_ln": False,
}
MODEL = {
    "depth": 2,
    "start_drop_path_rate": 0.0,
    "end_drop_path_rate": 0.0,
    "num_heads": 6,
    "norm_eps": 1e-05,
    "norm_affine": True,
    "encoder_dropout": 0.1,
    "post_mlp_drop": 0.1,
    "attention_dropout": 0.1,
    "activation_dropout": 0.0,
    "dropout_input": 0.0,
    "layerdrop": 0.05,
    "embed_dim": 12,
    "mlp_ratio": 4.0,
    "layer_norm_first": False,
    "end_of_block_targets": False,
    "normalize": True,
    "modalities": {"audio": AUDIO},
}


def save_emotion2vec(folder: Path, **audio: object) -> Path:
    """config.yaml and emotion2vec_base.pt; `audio` changes settings of the audio modality."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {**MODEL, "modalities": {"audio": {**AUDIO, **audio}}}
    content = yaml.safe_dump({"model": "Emotion2vec", "model_conf": settings, "vocab_size": -1})
    (folder / "config.yaml").write_text(content.replace("1.0e-05", "1e-05"))  # as it is published
    network = Emotion2vecNetwork(layout_of(read_config(folder), folder))
    state = {}
    for i, (name, value) in enumerate(sorted(network.state_dict().items())):
        wave = torch.sin(torch.arange(value.numel(), dtype=torch.float64) * (0.37 + 0.01 * i))
        around = 1.0 if value.dim() == 1 and name.endswith("weight") else 0.0
        key = name if name.startswith("blocks.") else PREFIX + name
        state[key] = (around + 0.3 * wave).float().reshape(value.shape)
    state[f"{PREFIX}alibi_scale"] = state[f"{PREFIX}alibi_scale"] + 1.0
    state |= {"proj.weight": torch.zeros(9, 12), "_ema": torch.zeros(1)}  # of training
    torch.save({"model": state}, folder / "emotion2vec_base.pt")
    return folder
