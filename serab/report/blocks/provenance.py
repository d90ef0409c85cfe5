"""The report's small print: protocols, leaks, versions and hashes."""

from __future__ import annotations

from collections.abc import Sequence

from serab.report.page import Block, Bullets, Heading, Table, Text
from serab.report.runs import Run


def protocols(runs: Sequence[Run]) -> list[Block]:
    blocks: list[Block] = [Heading("Protocol")]
    for protocol in dict.fromkeys(run.protocol for run in runs):
        blocks += [
            Text(f"**{protocol.name}**: {protocol.summary}."),
            Bullets(protocol.details),
        ]
    return blocks


def leaks(runs: Sequence[Run]) -> list[Block]:
    """What each split shares between its parts."""
    items = []
    for run in runs:
        for task in run.tasks:
            rows = [row for row in run.results if row.task == task]
            found = list(dict.fromkeys(line for row in rows for line in row.leaks))
            shared = "; ".join(found) or "no speaker and no recording is in two parts"
            partial = " **Partial corpus.**" if rows[0].partial else ""
            items.append(f"{run.label}, {run.protocol.name}, {task}: {shared}.{partial}")
    return [Heading("Leaks"), Bullets(tuple(items))] if items else []


def provenance(runs: Sequence[Run]) -> list[Block]:
    """Where each number comes from, to the hash."""
    rows, hashes = [], []
    for run in runs:
        for task in run.tasks:
            row = next(row for row in run.results if row.task == task)
            sizes = f"{row.n_train}/{row.n_val}/{row.n_test}"
            rows.append((run.label, run.protocol.name, task, str(row.embed_dim), sizes))
            hashes.append(f"encoder {run.label}: `{row.extractor_fingerprint}`")
            hashes.append(f"corpus {task}: `{row.corpus_digest}`")
    header = ("run", "protocol", "task", "dimensions", "train/val/test")
    found = list(dict.fromkeys(tuple(run.versions.items()) for run in runs))
    return [
        Heading("Provenance"),
        Table(header, tuple(rows), "How many utterances the classifiers learn from, and answer."),
        Text("Hashes (SHA-256) of weights and front end, and of each corpus' index:"),
        Bullets(tuple(sorted(set(hashes), reverse=True))),
        *(
            Text("Versions: " + ", ".join(f"{k} {v}" for k, v in pairs) + ".")
            for pairs in found
            if pairs
        ),
        Text("Run directories: " + ", ".join(f"`{d}`" for d in _directories(runs)) + ".", "note"),
    ]


def _checked(runs: Sequence[Run]) -> Text:
    """What was computed again before this page was written, and what can't be."""
    found = {run.run_dir: run.verification for run in runs}
    unchecked = [f"{run_dir}: {text}" for run_dir, v in found.items() for text in v.unchecked]
    tested = sum(verification.tested for verification in found.values())
    return Text(
        f"Checked: {tested} tested classifiers, whose scores, intervals and marks were computed "
        "again from their predictions." + "".join(f" Not checked: {text}." for text in unchecked)
    )


def _directories(runs: Sequence[Run]) -> list[str]:
    return list(dict.fromkeys(str(run.run_dir) for run in runs))
