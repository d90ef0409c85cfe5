"""What goes to a terminal and what to a file in its place."""

import io
import sys
import time

from serab import terminal
from serab.terminal import progress, show_what_it_can


def test_lines_in_a_file(capsys, monkeypatch):
    monkeypatch.setattr(terminal, "LINE_EVERY", 0.05)
    for _ in progress(range(4), "fitting", unit=" utterances"):
        time.sleep(0.06)
    written = capsys.readouterr().err
    assert 2 <= len(written.splitlines()) <= 5
    assert written.startswith("fitting: 1 of 4 utterances, 00:00 gone, ")
    assert "\r" not in written


def test_what_is_quick_has_no_line(capsys):
    assert list(progress(range(1000), "fitting")) == list(range(1000))
    bar = progress(title="embedding", total=10.0, unit=" s")
    bar.update(10.0)
    bar.close()
    assert capsys.readouterr().err == ""


def test_a_bar_on_a_terminal(monkeypatch):
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", stream)
    list(progress(range(3), "fitting"))
    assert "fitting" in stream.getvalue()
    assert "\r" in stream.getvalue()


def test_what_an_encoding_lacks(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="latin-1"))
    show_what_it_can()
    print("accuracy – 86.9 ä", flush=True)
    assert written.getvalue().decode("latin-1") == "accuracy ? 86.9 ä\n"
