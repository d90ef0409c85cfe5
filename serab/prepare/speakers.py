"""What a corpus' own table says of its speakers: sex and age."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from datamodules.tables import read_table
from serab.corpora.records import Corpus, Person, sex_of


def read_speakers(
    record: Corpus, folder: Path, tables: Sequence[str]
) -> tuple[dict[str, Person], list[str]]:
    """Read the speaker tables of a corpus, `tables` below `folder`.

    Returns:
        speaker -> what is said of them, and a note where the corpus has a table that isn't there.

    Raises:
        ValueError: a table without the columns, or that is none.
    """
    table = record.speaker_table
    if table is None:
        return {}, []
    if not tables:
        note = f"sex and age of the speakers aren't known: {table.example} isn't beside the audio"
        return {}, [note]
    people = {}
    for path in tables:
        for _, row in read_table(folder / path, (table.speaker, table.sex, table.age)):
            age = None
            with suppress(ValueError):
                age = float(row[table.age])
            speaker = row[table.speaker]
            people[speaker] = Person(speaker, sex_of(row[table.sex]), age)
    return people, []
