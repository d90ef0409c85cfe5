"""What pictures look like: letters that can be read, labels told apart without colour."""

from itertools import combinations

import matplotlib.text
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from serab.corpora.nine import NINE
from serab.report.colours import looks
from serab.report.page import Drawing
from serab.report.pictures import (
    WIDTH,
    Bar,
    accuracy_picture,
    confusion_picture,
    map_picture,
)

PHONE_POINTS = 320
"""What a picture has of a phone's width, in CSS pixels."""
DEUTERANOPIA = np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]])
PROTANOPIA = np.array([[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]])
"""Machado, Oliveira and Fernandes 2009, severity 1."""


@pytest.fixture
def figures(monkeypatch):
    """Every figure that is drawn, with its texts."""
    drawn = []
    save = Figure.savefig

    def keep(figure, *arguments, **options):
        drawn.append(figure)
        return save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    return drawn


def many_speakers():
    points, labels = np.random.default_rng(0).normal(size=(240, 2)), np.arange(240) % 24
    return map_picture("a", "b", "c", lambda: points, labels.astype(str), "speaker")


def pictures():
    long = "a system with a long name, published: LR, selected, best on test"
    bars = [Bar(long, 0.6, (0.5, 0.7), (0.4, 0.8), True), Bar("b", 0.3, None, None, False)]
    yield accuracy_picture("a", "b", bars, 0.14, 0.3, [0.5, 0.9])
    counts = np.arange(64).reshape(8, 8)
    yield confusion_picture("a", "b", "c", counts, [f"emotion {n}" for n in range(8)])
    yield many_speakers()


def test_no_text_is_below_eleven_pixels(figures):
    for picture in pictures():
        picture.draw(Drawing.LIGHT)
    assert len(figures) == 3
    for figure in figures:
        texts = [t for t in figure.findobj(matplotlib.text.Text) if t.get_text()]
        assert len(texts) > 5
        smallest = min(text.get_fontsize() for text in texts)
        assert smallest * PHONE_POINTS / (72 * WIDTH) >= 11


def test_both_intervals_are_drawn(figures):
    next(pictures()).draw(Drawing.LIGHT)
    (axes,) = figures[0].axes
    ends = {tuple(np.round(line.get_xdata(), 6)) for line in axes.lines}
    assert {(50, 70), (40, 80)} <= ends


def test_of_many_speakers_few_have_a_colour(figures):
    many_speakers().draw(Drawing.DARK)
    (axes,) = figures[0].axes
    legend = axes.get_legend()
    assert len(legend.get_texts()) == 6
    assert legend.get_title().get_text() == "grey: the other 18 speakers"
    assert sum(len(points.get_offsets()) for points in axes.collections) == 240


@pytest.mark.parametrize("corpus", NINE, ids=lambda corpus: corpus.code)
def test_emotions_are_told_apart(corpus):
    """By their markers, and by colour too, whatever colours a reader sees."""
    found = looks(corpus.emotions)
    assert len({marker for _, marker in found.values()}) == len(corpus.emotions)
    for vision in (np.eye(3), DEUTERANOPIA, PROTANOPIA):
        colours = {name: vision @ to_rgb(colour) for name, (colour, _) in found.items()}
        for a, b in combinations(colours, 2):
            assert np.linalg.norm(colours[a] - colours[b]) > 0.1, (a, b)


def test_own_labels_have_looks_of_their_own():
    labels = ["anger", *(f"own {n}" for n in range(20)), "calm"]
    assert len(set(looks(labels).values())) == len(labels)
    assert looks(["calm"])["calm"] == looks(labels)["calm"]
