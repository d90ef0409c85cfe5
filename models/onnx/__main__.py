"""An encoder as one ONNX file: waveforms of any length and number in, embeddings out.

python -m models.onnx RUN_OR_FILE --out encoder.onnx
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from models.files import CheckpointError


def main(arguments: Sequence[str] | None = None) -> None:
    assert __doc__
    parser = argparse.ArgumentParser(prog="serab onnx", description=__doc__.split("\n")[0])
    parser.add_argument("source", help="what load_encoder takes: a run, an artefact, weights")
    parser.add_argument("--out", type=Path, required=True, help="the .onnx file to write")
    parser.add_argument("--encoder", help="name of the encoder, for weights that don't say it")
    parser.add_argument("--norm", type=float, nargs=2, metavar=("MEAN", "STD"))
    parser.add_argument("--trust", metavar="PATH", help="import path of an encoder of your own")
    args = parser.parse_args(arguments)
    # --help should not wait for torch
    from models.checkpoint import load_encoder
    from models.onnx.export import export_onnx

    try:
        encoder = load_encoder(args.source, args.encoder, trust=args.trust)
        difference = export_onnx(encoder, args.out, args.norm and tuple(args.norm))
    except (CheckpointError, ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    size = args.out.stat().st_size / 1e6
    print(f"{args.out}  {encoder.name}, {size:.1f} MB, within {difference:.0e} of torch")


if __name__ == "__main__":
    main()
