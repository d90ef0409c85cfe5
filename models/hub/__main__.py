"""Share an encoder: a folder, or a Hugging Face Hub repository, of config, safetensors and card.

    python -m models.hub RUN_DIR_OR_FILE --out DIR [--results EVALUATION_RUN_DIR] [--push USER/NAME]

`load_encoder(DIR_OR_USER/NAME)` and `evaluate.py ckpt=...` read it again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="serab hub", description="Write an encoder as a folder for sharing."
    )
    parser.add_argument("source", help="what load_encoder takes: a run, an artefact, weights")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--encoder", help="name of the encoder, for weights that don't say it")
    parser.add_argument("--results", help="run_dir of its evaluate.py, for the card's scores")
    parser.add_argument("--license", help="of the weights; mit for those of train.py")
    parser.add_argument("--push", metavar="USER/NAME", help="repository to upload to as well")
    parser.add_argument("--private", action="store_true", help="make the repository private")
    parser.add_argument("--trust", metavar="PATH", help="import path of an encoder of your own")
    args = parser.parse_args(arguments)
    # --help should not wait for torch
    from models.checkpoint import load_encoder
    from models.hub.model_card import read_scores
    from models.hub.recipe import read_recipe
    from models.hub.shared_encoder import SharedEncoder, push, save_shared

    try:
        loaded = load_encoder(args.source, args.encoder, trust=args.trust)
        scores = read_scores(args.results, loaded.fingerprint) if args.results else ()
        encoder = SharedEncoder(loaded, args.license, scores, read_recipe(args.source))
        print(save_shared(encoder, args.out))
        if args.push:
            print(push(encoder, args.push, args.private))
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
