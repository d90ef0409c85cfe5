"""The report's small print: protocols, leaks, versions and hashes."""

from __future__ import annotations

from collections.abc import Sequence

from serab.report.page import Block, Bullets, Heading, Table, Text
from serab.report.runs import Run

SHOWN = 16
"""Hex digits of a hash: enough to tell apart; whole ones are in results.jsonl."""


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
            said = "; ".join(found) or "no speaker and no recording is in two parts"
            partial = " **Partial corpus.**" if rows[0].partial else ""
            items.append(f"{run.label}, {run.protocol.name}, {task}: {said}.{partial}")
    return [Heading("Leaks"), Bullets(tuple(items))] if items else []


def provenance(runs: Sequence[Run]) -> list[Block]:
    """Where each number comes from, to the hash."""
    rows = []
    for run in runs:
        for task in run.tasks:
            row = next(row for row in run.results if row.task == task)
            sizes = f"{row.n_train}/{row.n_val}/{row.n_test}"
            hashes = (f"`{row.extractor_fingerprint[:SHOWN]}`", f"`{row.corpus_digest[:SHOWN]}`")
            rows.append((run.label, run.protocol.name, task, str(row.embed_dim), sizes, *hashes))
    header = ("run", "protocol", "task", "dimensions", "train/val/test", "encoder", "corpus")
    found = list(dict.fromkeys(tuple(run.versions.items()) for run in runs))
    return [
        Heading("Provenance"),
        Table(header, tuple(rows), "Hashes (SHA-256) of weights and front end, and of the index."),
        *(Text("Versions: " + ", ".join(f"{k} {v}" for k, v in of) + ".") for of in found if of),
        Text("Run directories: " + ", ".join(f"`{d}`" for d in _directories(runs)) + ".", "note"),
    ]


def _directories(runs: Sequence[Run]) -> list[str]:
    return list(dict.fromkeys(str(run.run_dir) for run in runs))
