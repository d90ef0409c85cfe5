"""The report's pictures, each drawn for light and for dark surroundings."""

from __future__ import annotations

import io
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from serab.escaping import one_line
from serab.report.colours import looks
from serab.report.page import Drawing, Picture

WIDTH = 3.4
"""Inches, a column of a paper. A phone shows it 310 points wide or more, so 9 points are over 11
pixels there."""
DPI = 240
TEXT = 9
"""Points; no text is smaller."""


@dataclass(frozen=True)
class Theme:
    surface: str
    ink: str
    muted: str
    line: str
    accent: str


LIGHT = Theme("#ffffff", "#1d1f24", "#62666f", "#e3e1dc", "#0b6e75")
DARK = Theme("#1c1f25", "#e7e8ea", "#9ba1ab", "#3a3f48", "#5fc3c5")

MOST_NAMES = 9
"""More labels than this aren't told apart in a map: the most frequent are coloured, others grey."""
LABEL_LETTERS, LINE_INCHES = 40, 0.16
"""How long a line above a bar may be, and how high one is."""

Interval = tuple[float, float] | None


@dataclass(frozen=True)
class Bar:
    """A score with its intervals (fractions, low and high) and a line of text.

    `strong` is what the paper's table would report; the others are drawn fainter, as diamonds.
    """

    label: str
    score: float
    over_speakers: Interval
    over_utterances: Interval
    strong: bool


def accuracy_picture(
    name: str,
    alt: str,
    bars: Sequence[Bar],
    chance: float,
    majority: float,
    published: Sequence[float] = (),
) -> Picture:
    """Scores with both of their intervals; chance, majority and the paper's cells."""
    labels = [textwrap.fill(one_line(bar.label), LABEL_LETTERS) for bar in bars]
    lines = max(label.count("\n") + 1 for label in labels)
    row_inches = 0.5 + LINE_INCHES * lines

    def draw(axes: Axes, theme: Theme) -> None:
        for cell in published:
            axes.axvline(100 * cell, color=theme.line, linewidth=1.2, zorder=0)
        for level, style in ((chance, ":"), (majority, "--")):
            axes.axvline(100 * level, color=theme.muted, linestyle=style, linewidth=1)
        for row, (bar, text) in enumerate(zip(bars, labels, strict=True)):
            colour = theme.accent if bar.strong else theme.muted
            for interval, width, alpha in (
                (bar.over_speakers, 7, 0.35),
                (bar.over_utterances, 1.2, 1),
            ):
                if interval:
                    ends = [100 * end for end in interval]
                    axes.plot(ends, [row, row], color=colour, linewidth=width, alpha=alpha,
                              solid_capstyle="butt")  # fmt: skip
            axes.plot(100 * bar.score, row, "o" if bar.strong else "D", color=colour,
                      markersize=6 if bar.strong else 5)  # fmt: skip
            axes.annotate(f"{100 * bar.score:.1f}", (100 * bar.score, row), (0, -14),
                          textcoords="offset points", ha="center", fontsize=TEXT,
                          color=theme.ink)  # fmt: skip
            box = {"facecolor": theme.surface, "linewidth": 0, "pad": 1}
            label = axes.annotate(text, (2, row), (0, 8), textcoords="offset points", va="bottom",
                                  fontsize=TEXT, bbox=box, linespacing=1.1,
                                  color=theme.ink if bar.strong else theme.muted)  # fmt: skip
            label.set_in_layout(False)
        axes.set_yticks([])
        axes.set_ylim(len(bars) - 1 + 0.3 / row_inches, -(row_inches - 0.25) / row_inches)
        axes.set_xlim(0, 100)
        axes.set_xlabel(
            "test accuracy %\n95 % interval over speakers: band,\nover utterances: line"
        )
        axes.tick_params(length=0)
        marks = [(chance, "chance ", "right"), (majority, " majority", "left")]
        marks += [(max(published), "paper", "center")] if published else []
        for level, text, side in marks:
            axes.text(100 * level, 1.01, text, transform=axes.get_xaxis_transform(), ha=side,
                      color=theme.muted, fontsize=TEXT)  # fmt: skip

    return both_themes(name, alt, draw, 0.95 + row_inches * len(bars))


@dataclass(frozen=True)
class Curve:
    """Scores (fractions) over layers, and the layer that was chosen."""

    label: str
    layers: Sequence[int]
    scores: Sequence[float]
    chosen: int


def layers_picture(
    name: str, alt: str, title: str, curves: Sequence[Curve], chance: float
) -> Picture:
    """Validation accuracy over layers, a curve a classifier; a marker where it was chosen."""

    def draw(axes: Axes, theme: Theme) -> None:
        axes.axhline(100 * chance, color=theme.muted, linestyle=":", linewidth=1)
        found = looks([curve.label for curve in curves])
        for curve in curves:
            colour, marker = found[curve.label]
            scores = [100 * score for score in curve.scores]
            chosen = [list(curve.layers).index(curve.chosen)]
            axes.plot(curve.layers, scores, color=colour, linewidth=1.4, marker=marker,
                      markersize=7, markevery=chosen, label=curve.label)  # fmt: skip
        axes.set_xlabel("layer")
        axes.set_ylabel("validation accuracy %")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _title(axes, title, theme)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=3, frameon=False,
                    fontsize=TEXT, labelcolor=theme.ink, handlelength=1.6)  # fmt: skip

    return both_themes(name, alt, draw, 3.4)


def confusion_picture(
    name: str, alt: str, title: str, counts: np.ndarray, labels: Sequence[str]
) -> Picture:
    """Counts (classes, classes), rows true; shaded by the share of the true class."""

    def draw(axes: Axes, theme: Theme) -> None:
        shown = [one_line(label) for label in labels]
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        ramp = LinearSegmentedColormap.from_list("ramp", [theme.surface, theme.accent])
        axes.imshow(shares, cmap=ramp, vmin=0, vmax=1)
        for row, column in np.ndindex(*counts.shape):
            if counts[row, column]:
                colour = theme.surface if shares[row, column] > 0.55 else theme.ink
                axes.text(column, row, str(counts[row, column]), ha="center", va="center",
                          color=colour, fontsize=TEXT)  # fmt: skip
        axes.set_xticks(range(len(labels)), shown, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(labels)), shown)
        axes.set_xticks(np.arange(-0.5, len(labels)), minor=True)
        axes.set_yticks(np.arange(-0.5, len(labels)), minor=True)
        axes.grid(which="minor", color=theme.line, linewidth=0.7)
        axes.tick_params(which="both", length=0)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        _title(axes, title, theme)

    return both_themes(name, alt, draw, WIDTH + 0.3)


def map_picture(
    name: str,
    alt: str,
    title: str,
    points: Callable[[], np.ndarray],
    labels: np.ndarray,
    label_kind: str,
) -> Picture:
    """Points (N, 2), computed when drawn, coloured by their labels (N,) of some kind.

    Of more than `MOST_NAMES` labels the six most frequent have a colour.
    """
    frequent = Counter(labels.tolist()).most_common()
    few = len(frequent) <= MOST_NAMES
    names = sorted(label for label, _ in (frequent if few else frequent[:6]))

    def draw(axes: Axes, theme: Theme) -> None:
        coordinates = points()
        others = ~np.isin(labels, names)
        if others.any():
            x, y = coordinates[others].T
            axes.scatter(x, y, s=5, color=theme.muted, alpha=0.35, linewidths=0)
        for label, (colour, marker) in looks(names).items():
            x, y = coordinates[labels == label].T
            axes.scatter(x, y, s=13, color=colour, marker=marker,
                         label=one_line(label), alpha=0.9, linewidths=0)  # fmt: skip
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_aspect("equal", "datalim")
        _title(axes, title, theme)
        rest = None if few else f"grey: the other {len(frequent) - len(names)} {label_kind}s"
        legend = axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=3,
                             frameon=False, fontsize=TEXT, labelcolor=theme.ink,
                             handletextpad=0.1, columnspacing=0.8, markerscale=1.6,
                             title=rest, title_fontsize=TEXT)  # fmt: skip
        legend.get_title().set_color(theme.muted)

    return both_themes(name, alt, draw, WIDTH + 0.5)


def picture_name(*parts: str) -> str:
    """The name of a picture's files, whatever letters the names of tasks and runs have."""
    return "-".join(re.sub(r"[^A-Za-z0-9-]+", "-", part).strip("-") for part in parts)


def _title(axes: Axes, title: str, theme: Theme) -> None:
    """Above the picture, from its left edge on, in as many lines as it needs."""
    lines = [textwrap.fill(line, LABEL_LETTERS + 4) for line in title.split("\n")]
    axes.figure.suptitle("\n".join(lines), x=0.02, ha="left", fontsize=TEXT, color=theme.ink)


def both_themes(name: str, alt: str, draw: Callable[[Axes, Theme], None], height: float) -> Picture:
    def drawn(drawing: Drawing) -> bytes:
        theme = DARK if drawing is Drawing.DARK else LIGHT
        suffix = "pdf" if drawing is Drawing.PDF else "png"
        # a dollar in a name is a dollar; the fonts of a PDF are embedded, as publishers ask
        with matplotlib.rc_context({"text.parse_math": False, "pdf.fonttype": 42}):
            return _figure(draw, height, theme, suffix)

    return Picture(name, alt, drawn)


def _figure(draw: Callable[[Axes, Theme], None], height: float, theme: Theme, suffix: str) -> bytes:
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained", facecolor=theme.surface)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_facecolor(theme.surface)
    for spine in axes.spines.values():
        spine.set_color(theme.line)
    axes.tick_params(colors=theme.ink, labelsize=TEXT)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set(color=theme.muted, fontsize=TEXT)
    file = io.BytesIO()
    draw(axes, theme)
    figure.savefig(file, format=suffix, facecolor=theme.surface, metadata=_UNDATED[suffix])
    return file.getvalue()


_UNDATED = {"png": {"Software": None}, "pdf": {"CreationDate": None}}
"""No date or version: the same run gives the same bytes."""
