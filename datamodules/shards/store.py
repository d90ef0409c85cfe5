"""Shards in an object store (S3, GCS, Azure, HTTP): opened by two small files, read in ranges."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import numpy as np

from datamodules.shards.layout import (
    INDEX,
    MANIFEST,
    SAMPLE,
    ShardError,
    Shards,
    Url,
    checked_shards,
    compare_size,
    read_about,
    read_index,
)

RETRY = timedelta(seconds=60)
"""Until a read that fails is an error; the engine waits longer from try to try."""

ENDPOINTS = ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AZURE_STORAGE_ENDPOINT")
"""Where a store of one's own is named; with http:// there, it is allowed."""


class Store:
    """A folder in a store, by obstore: any number of threads may read at once.

    Credentials, regions and endpoints come from the environment, as the stores' own tools read them
    (AWS_ACCESS_KEY_ID, AWS_ENDPOINT, GOOGLE_APPLICATION_CREDENTIALS, ...).

    Args:
        url: s3://bucket/path, gs://, az://account/container/path, https://, http:// or file:///.

    Raises:
        ValueError: obstore isn't there, or it doesn't know such addresses.
    """

    def __init__(self, url: str):
        try:
            import obstore.exceptions
            from obstore.store import from_url
        except ImportError as error:
            raise ValueError(
                f"data.root={url}: reading from a store needs obstore ({error}); install it with "
                "`pip install obstore==0.12.1`, or copy the shards to a disk and take data=shards."
            ) from error
        self.url, self._errors = Url(url), obstore.exceptions
        endpoint = (os.environ.get(key, "") for key in ENDPOINTS)
        plain = any(address.startswith("http://") for address in (url, *endpoint))
        try:
            self._store = from_url(
                url,
                client_options={"timeout": "30s", **({"allow_http": True} if plain else {})},
                retry_config={"max_retries": 8, "retry_timeout": RETRY},
            )
        except (self._errors.BaseError, ValueError) as error:
            raise ValueError(
                f"data.root={url}: no address of a store ({_first_line(error)}); expected "
                "s3://BUCKET/PATH, gs://..., az://..., https://... or file:///..."
            ) from error

    def read(self, name: str, offset: int, size: int) -> memoryview:
        """So many bytes of a file from `offset` on.

        Raises:
            OSError: they can't be had, after retries.
        """
        try:
            content = memoryview(self._store.get_range(name, start=offset, length=size))
        except (self._errors.BaseError, OSError) as error:
            raise self._failure(name, error) from error
        if len(content) != size:
            raise OSError(f"{self.url / name}: ends before byte {offset + size}; it changed.")
        return content

    def read_small(self, name: str) -> bytes | None:
        """A small file's content; None if it isn't there."""
        try:
            return bytes(self._store.get(name).bytes())
        except (self._errors.NotFoundError, FileNotFoundError):
            return None
        except (self._errors.BaseError, OSError) as error:
            raise self._failure(name, error) from error

    def read_index(self, name: str) -> np.ndarray:
        """A .npy file, memory-mapped from a copy that goes when the array does."""
        with tempfile.NamedTemporaryFile(suffix=".npy") as copy:
            try:
                for chunk in self._store.get(name):
                    copy.write(chunk)
                copy.flush()
            except (self._errors.BaseError, OSError) as error:
                raise self._failure(name, error) from error
            return read_index(Path(copy.name), self.url / name)

    def sizes(self, names: list[str], connections: int = 64) -> list[int | None]:
        """Bytes of each file, None where there is none: from a listing, or asked for one by one."""
        try:
            listed = {entry["path"]: entry["size"] for part in self._store.list() for entry in part}
            return [listed.get(name) for name in names]
        except (self._errors.BaseError, OSError):
            pass  # a web server, or no right to list
        with ThreadPoolExecutor(connections) as pool:
            return list(pool.map(self._size, names))

    def _size(self, name: str) -> int | None:
        try:
            return self._store.head(name)["size"]
        except (self._errors.NotFoundError, FileNotFoundError):
            return None
        except (self._errors.BaseError, OSError) as error:
            raise self._failure(name, error) from error

    def _failure(self, name: str, error: Exception) -> OSError:
        return OSError(
            f"{self.url / name}: can't be read ({_first_line(error)}); check address, credentials "
            "and network. A run stopped by this goes on exactly with resume=auto."
        )


def open_store(store: Store) -> Shards:
    """Open shards that were packed to a folder and copied to a store.

    Raises:
        ShardError: as `datamodules.shards.layout.open_shards`.
        OSError: the store can't be reached.
    """
    content = store.read_small(MANIFEST)
    if content is None:
        raise ShardError(
            f"data.root={store.url}: no {MANIFEST}, so no (finished) shards; pack them to a disk "
            "with `python -m datamodules.shards pack` and copy the whole folder here."
        )
    about = read_about(content, store.url / MANIFEST)
    sizes = store.sizes([shard.name for shard in about.shards])
    for shard, size in zip(about.shards, sizes, strict=True):
        compare_size(store.url / shard.name, shard, size)
    return checked_shards(store.url, about, store.read_index(INDEX))


def samples_of(content: memoryview) -> np.ndarray:
    """int16 (samples,) from a range's bytes."""
    return np.frombuffer(content, SAMPLE)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
