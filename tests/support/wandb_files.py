"""What an offline W&B run wrote."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from wandb.proto import wandb_internal_pb2


def wandb_records(path: Path) -> Iterator[wandb_internal_pb2.Record]:
    """What an offline W&B run wrote: a LevelDB log, blocks of 32 KiB, 7 bytes before each part."""
    data, position, parts = path.read_bytes(), 7, []
    while position + 7 <= len(data):
        if (left := 32_768 - position % 32_768) < 7:
            position += left
            continue
        length, kind = struct.unpack_from("<HB", data, position + 4)
        parts.append(data[position + 7 : position + 7 + length])
        position += 7 + length
        if kind in (1, 4):  # whole, or last part
            record = wandb_internal_pb2.Record()
            record.ParseFromString(b"".join(parts))
            parts = []
            yield record
