"""`python -m serab.analyses audit|overlap ...`: what split lists leak, what pre-training heard."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from datamodules.files import write_whole
from datamodules.typed_json import sealed
from serab.analyses.audit import audit, table
from serab.corpora import CORPORA
from serab.escaping import one_line
from serab.extractors.base import Extractor
from serab.terminal import show_what_it_can


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m serab.analyses", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    auditing = commands.add_parser("audit", help="speakers, sentences, recordings that parts share")
    auditing.add_argument("lists", nargs="+", type=Path, metavar="LISTS", help="files or folders")
    auditing.add_argument("--task", help="code of the corpus; by default told by the names")
    auditing.add_argument(
        "--embeddings",
        nargs="+",
        metavar="KEY=VALUE",
        help="an encoder as evaluate.py takes it, such as ckpt=RUN: also the price of the leaks",
    )
    auditing.add_argument(
        "--run-dir", type=Path, help="of evaluate.py with that encoder: keeps the price there"
    )
    comparing = commands.add_parser("overlap", help="pre-training recordings in a test corpus")
    comparing.add_argument(
        "heard",
        type=Path,
        metavar="HEARD",
        help="run or artefact with landmarks beside it, a file of them, a table with a column "
        "path, or a folder",
    )
    comparing.add_argument("--task", required=True, help="code of the prepared test corpus")
    comparing.add_argument(
        "--root", type=Path, help="that the paths of the table are relative to; by default its own"
    )
    comparing.add_argument("--out", type=Path, help="JSON file for all that was found")
    options = parser.parse_args(argv)
    show_what_it_can()
    try:
        if options.command == "audit":
            run_audit(options.lists, options.task, options.embeddings, options.run_dir)
        else:
            run_overlap(options.heard, options.task, options.root, options.out)
    except OSError as error:  # without its number
        reason = f"{error.filename}: {error.strerror}" if error.strerror else str(error)
        print(f"error: {one_line(reason)}", file=sys.stderr)
        return 1
    except ValueError as error:
        print(f"error: {one_line(str(error))}", file=sys.stderr)
        return 1
    return 0


def run_audit(
    paths: Sequence[Path],
    task: str | None,
    embeddings: Sequence[str] | None,
    run_dir: Path | None = None,
) -> None:
    """Show what the lists are, and with embeddings what their leaks are worth.

    Raises:
        ValueError: lists or an encoder that can't be read, or no corpus of theirs is prepared.
    """
    from serab.report.findings.screen import print_findings, print_table  # and matplotlib

    if run_dir is not None and not embeddings:
        raise ValueError("--run-dir: keeps the price of leaks; give --embeddings ckpt=RUN too.")
    extractor = _extractor(embeddings) if embeddings else None
    audits = audit(paths, task)
    print_table("split lists", table(audits), [line for found in audits for line in found.remarks])
    if extractor is None:
        return
    from serab.analyses.folds import SpeakerFolds
    from serab.analyses.price import price
    from serab.cache_folder import cache_root
    from serab.embed.cache import Cache
    from serab.index import load_index
    from serab.results.run_files import RunFiles

    ready = [found for found in audits if found.by_content]
    if not ready:
        codes = ", ".join(found.code for found in audits)
        raise ValueError(
            f"--embeddings: none of {codes} is prepared; run `python -m serab.prepare "
            f"{audits[0].code} --source ARCHIVE_OR_FOLDER`."
        )
    files = None if run_dir is None else RunFiles(run_dir)
    if files is not None:
        files.check_extractor(extractor.fingerprint)
    for found in ready:
        folds = SpeakerFolds(extractor, load_index(found.code), Cache(cache_root()))
        findings = price(folds, found)
        if files is not None:
            files.findings.drop([f.slot for f in files.findings.of_split(("audit", found.code))])
            files.findings.put(*findings)
        print_findings(findings)


def _extractor(arguments: Sequence[str]) -> Extractor:
    """The one that evaluate.py has with these: ckpt=RUN, or extractor=NAME extractor.KEY=VALUE."""
    from serab.launch.extractor import compose_extractor, parse_settings

    given = {key: value for key, _, value in (a.partition("=") for a in arguments)}
    settings = [
        f"{key.removeprefix('extractor.')}={value}"
        for key, value in given.items()
        if key.startswith("extractor.")
    ]
    unknown = [k for k in given if k not in ("ckpt", "extractor") and "extractor." not in k]
    if unknown or "" in given.values() or not {"ckpt", "extractor"} & given.keys():
        raise ValueError(
            f"--embeddings {' '.join(arguments)}: expected ckpt=RUN, or extractor=NAME and its "
            "settings as extractor.KEY=VALUE."
        )
    name = given.get("extractor", "encoder")
    return compose_extractor(name, parse_settings(settings), given.get("ckpt"))


def run_overlap(source: Path, task: str, root: Path | None = None, out: Path | None = None) -> None:
    """Show which test utterances a pre-training heard, and keep it in `out`.

    Raises:
        ValueError: no such corpus or recordings, or none of them is there.
    """
    from serab.analyses.overlap import lines, overlap
    from serab.index import load_index

    if task not in CORPORA:
        raise ValueError(f"--task {task}: expected one of {', '.join(CORPORA)}.")
    found = overlap(source, load_index(task), root)
    for line in lines(found):
        print(one_line(line))
    if out is not None:
        write_whole(out, json.dumps(sealed(found.content), indent=1) + "\n")
        print(out)


if __name__ == "__main__":
    sys.exit(main())
