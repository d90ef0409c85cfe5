"""The documentation as a site: all pages, links that lead somewhere, nothing from elsewhere."""

import re

import pytest

from serab.corpora.nine import NINE
from tests.support.paths import ROOT
from tests.support.readme_commands import README

PAGES = sorted(path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Built as `make docs` does; a warning, such as of a link that leads nowhere, is an error."""
    pytest.importorskip("material", reason="the extra `docs` is not installed")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        patch.setenv("NO_MKDOCS_2_WARNING", "1")
        build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True))
    return folder


def test_every_page_is_in_the_contents(site):
    start = (site / "index.html").read_text()
    for page in PAGES:
        assert (site / page.with_suffix(".html")).is_file()
        assert f'href="{page.with_suffix(".html").as_posix()}"' in start


def test_a_page_needs_no_other_site(site):
    """Of the two scripts that `make docs` fetches a browser asks for those that aren't there."""
    vendored = {"https://unpkg.com/iframe-worker/shim"}
    for page in site.rglob("*.html"):
        text = page.read_text()
        fetched = re.findall(r'<(?:script|img|iframe)[^>]* src="?(https?://[^" >]+)', text)
        fetched += re.findall(r'<link[^>]*rel="?stylesheet"?[^>]*href="?(https?://[^" >]+)', text)
        assert set(fetched) <= vendored, page
        assert "fonts.googleapis" not in text


def test_what_the_pages_say(site):
    assert 'class="mermaid"' in (site / "house.html").read_text()
    words = (site / "words.html").read_text()
    assert all(word in words for word in ("UAR", "best.ckpt", "IEMOCAP", "Σ n_t a_t"))
    api = (site / "api.html").read_text()
    for name in ("load_encoder", "Extractor", "read_audio", "write_report"):
        assert re.search(rf'id="[\w.]+\.{name}"', api), name


def test_the_corpora_are_those_of_the_records():
    table = re.findall(
        r"^\| ([A-Z]{3}) \| (.*) \| (.*) \| (\d+) \| (\d+) \|$", README.read_text(), re.M
    )
    expected = [(c.code, c.name, c.language, str(c.speakers), str(len(c.emotions))) for c in NINE]
    assert table == expected
