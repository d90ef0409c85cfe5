"""What the site needs beside its pages: diagrams without a network, links out of docs/ as paths."""

import re
from pathlib import Path

MERMAID, SEARCH = "javascripts/mermaid.min.js", "javascripts/iframe-worker.js"
"""Scripts of the diagrams and of the search from a disk. `make docs` fetches them where there is
npm; without them a browser asks unpkg.com."""


def on_config(config):
    folder = Path(config.docs_dir)
    if (folder / MERMAID).is_file():
        config.extra_javascript.append(MERMAID)
    if (folder / SEARCH).is_file():
        config.extra["polyfills"] = [SEARCH]
    return config


def on_page_markdown(markdown, page, config, files):
    """A link to a file of the repository leads nowhere from the site: its path stays."""
    up = "../" * (page.file.src_uri.count("/") + 1)
    return re.sub(rf"\[([^\]]*)\]\({re.escape(up)}([^)]+)\)", _as_path, markdown)


def _as_path(match):
    text, path = match.groups()
    return f"`{path}`" if path in text else f"{text} (`{path}`)"
