"""A shared encoder's two files from the Hugging Face Hub, or from its cache without a network."""

from __future__ import annotations

import re
import socket
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

CONFIG, WEIGHTS = "config.json", "model.safetensors"
REPO_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
PATIENCE = 5.0
"""Seconds after which a host counts as out of reach; the Hub's client alone tries for 23."""


class UnreachableError(OSError):
    """The Hub doesn't answer, or has no such encoder."""


def is_repo_id(path: str) -> bool:
    """Whether a path that isn't there may be the name of a repository, USER/NAME.

    Not where USER is a local folder: then it is a mistyped path.
    """
    return bool(REPO_ID.fullmatch(path)) and not Path(path.split("/")[0]).exists()


def download(repo_id: str, revision: str | None = None) -> Path:
    """Fetch config.json and model.safetensors; nothing else of the repository is touched.

    Returns:
        The local folder with the two files.

    Raises:
        UnreachableError: no network and not in the cache, no such repository or no such files.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    offline = not reachable()
    try:
        for name in (CONFIG, WEIGHTS):
            file = hf_hub_download(repo_id, name, revision=revision, local_files_only=offline)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        if offline:
            raise UnreachableError(
                f"{repo_id}: no such file or folder here, and {endpoint()} can't be reached to "
                "fetch it; check the path or the network."
            ) from error
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise UnreachableError(
            f"{repo_id}: no such file or folder here, and {endpoint()} doesn't give {CONFIG} and "
            f"{WEIGHTS} of it ({reason}); check the name, or log in with: hf auth login"
        ) from error
    return Path(file).parent


def endpoint() -> str:
    """Address of the Hub, HF_ENDPOINT where it is set."""
    from huggingface_hub import constants

    return constants.ENDPOINT


def reachable() -> bool:
    """Whether the Hub, or the proxy in front of it, takes a connection within `PATIENCE`."""
    from huggingface_hub import constants

    if constants.is_offline_mode():
        return False
    url = urlsplit(constants.ENDPOINT)
    proxy = urllib.request.getproxies().get(url.scheme)
    if proxy and not urllib.request.proxy_bypass(url.hostname or ""):
        url = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        socket.create_connection((url.hostname, port), PATIENCE).close()
    except OSError:
        return False
    return True
