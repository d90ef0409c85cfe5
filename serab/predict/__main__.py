"""A folder of recordings to a table of emotions, by a classifier that an evaluation kept.

python -m serab.predict FOLDER --from RUN --task EMB --out emotions.csv
python -m serab.predict FOLDER --from RUN --task EMB --segments 2 --hop 1 --out emotions.parquet

RUN is a run directory of evaluate.py. A row has a label and the probability of each emotion, p_...,
calibrated on speakers that the classifier wasn't fitted on.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from serab.escaping import one_line
from serab.recordings.arguments import (
    add_extractor,
    add_recordings,
    print_written,
    run_command,
    windows_of,
)

if TYPE_CHECKING:
    from serab.recordings.formats import Rows
    from serab.recordings.parts import Parts


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status: 0, 1 for an error, 2 for wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m serab.predict",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_recordings(parser)
    parser.add_argument(
        "--from", dest="run_dir", type=Path, required=True, metavar="RUN", help="of evaluate.py"
    )
    parser.add_argument("--task", required=True, metavar="CODE", help="such as EMB")
    parser.add_argument(
        "--speaker-column",
        metavar="NAME",
        help="of the manifest; asked for where embeddings are normalised per speaker",
    )
    add_extractor(parser, " in place of the evaluation's, if that has moved")
    options = parser.parse_args(argv)
    return run_command(lambda: _predict(options))


def _predict(options: argparse.Namespace) -> int:
    from serab.recordings.formats import Layout, check_suffix
    from serab.recordings.inputs import find_recordings

    check_suffix(options.out)
    windows = windows_of(options)
    inputs = find_recordings(options.recordings)

    from serab.predict.evaluation import KeptEvaluation
    from serab.predict.speakers import SpeakerNormaliser, check_speakers
    from serab.recordings.formats import Rows
    from serab.recordings.table import Job

    evaluation = KeptEvaluation(options.run_dir, options.task)
    classifier, per_speaker = evaluation.classifier, evaluation.protocol.per_speaker
    if per_speaker and options.speaker_column is None:
        raise ValueError(
            f"--task {options.task}: was evaluated under the {evaluation.protocol.name} protocol, "
            "which normalises embeddings by each speaker's mean and deviation, so it needs to know "
            "who speaks; give a CSV with the columns path and speaker, and --speaker-column "
            "speaker, or evaluate with protocol=strict."
        )
    if not per_speaker and options.speaker_column is not None:
        raise ValueError(
            f"--speaker-column {options.speaker_column}: the {evaluation.protocol.name} protocol "
            "doesn't look at who speaks; leave it out."
        )
    speakers = inputs.column(options.speaker_column) if per_speaker else ()
    check_speakers(speakers)
    extractor = evaluation.extractor(options.encoder, options.extractor)
    settings = {
        "classifier": evaluation.kept.sha256,
        "temperature": evaluation.kept.calibration.temperature,
        "speakers": hashlib.sha256("\n".join(speakers).encode()).hexdigest() if speakers else None,
    }
    about = {"recordings": options.recordings, "from": str(options.run_dir), "task": options.task}
    for line in evaluation.describe():
        print(one_line(line))
    job = Job(inputs, extractor, options.out, windows, settings, about)

    def rows(parts: Parts) -> Iterator[Rows]:
        normalised = SpeakerNormaliser(parts, speakers) if per_speaker else None
        for part in parts:
            x = part.embeddings if normalised is None else normalised(part)
            labels, shares = classifier.predict(x)
            yield Rows(job.files(part), part.bounds, shares, labels)

    columns = tuple(f"p_{emotion}" for emotion in evaluation.kept.emotions)
    layout = Layout(columns, windows is not None, labels=True)
    print_written(job, job.run(lambda dimensions: layout, rows, fitted=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
