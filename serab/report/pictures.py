"""The report's pictures, each drawn for light and for dark surroundings."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from serab.escaping import one_line
from serab.report.page import Picture

WIDTH = 4.7
"""Inches: on a phone's 360 points wide screen the letters stay legible."""
DPI = 200


@dataclass(frozen=True)
class Theme:
    surface: str
    ink: str
    muted: str
    line: str
    accent: str


LIGHT = Theme("#ffffff", "#1d1f24", "#62666f", "#e3e1dc", "#0b6e75")
DARK = Theme("#1c1f25", "#e7e8ea", "#9ba1ab", "#3a3f48", "#5fc3c5")

EMOTION_COLOURS = {
    "anger": "#d1495b", "boredom": "#9c7a5b", "calm": "#5fb0a6", "disgust": "#6a994e",
    "fear": "#8367c7", "happiness": "#e9a23b", "neutral": "#8d99ae", "sadness": "#3d7ea6",
    "surprise": "#d977a8",
}  # fmt: skip
MOST_NAMES = 12
"""More speakers than this share a legend that nobody reads: it is left out."""


@dataclass(frozen=True)
class Bar:
    """A score with its interval (fractions, low and high or None) and a line of text."""

    label: str
    score: float
    interval: tuple[float, float] | None
    strong: bool


def accuracy_picture(
    name: str,
    alt: str,
    bars: Sequence[Bar],
    chance: float,
    majority: float,
    published: Sequence[float] = (),
) -> Picture:
    """Scores with their intervals over utterances; chance, majority and the paper's cells."""

    def draw(axes: Axes, theme: Theme) -> None:
        for cell in published:
            axes.axvline(100 * cell, color=theme.line, linewidth=1.2, zorder=0)
        for level, style in ((chance, ":"), (majority, "--")):
            axes.axvline(100 * level, color=theme.muted, linestyle=style, linewidth=1)
        for row, bar in enumerate(bars):
            colour = theme.accent if bar.strong else theme.muted
            if bar.interval:
                axes.plot([100 * x for x in bar.interval], [row, row], color=colour, linewidth=3,
                          alpha=0.4, solid_capstyle="round")  # fmt: skip
            axes.plot(100 * bar.score, row, "o", color=colour, markersize=7)
            axes.annotate(f"{100 * bar.score:.1f}", (100 * bar.score, row), (0, -14),
                          textcoords="offset points", ha="center", fontsize=9,
                          color=theme.ink)  # fmt: skip
            box = {"facecolor": theme.surface, "linewidth": 0, "pad": 1.5}
            colour = theme.ink if bar.strong else theme.muted
            label = axes.text(
                2,
                row - 0.42,
                one_line(bar.label),
                fontsize=8.5,
                va="center",
                color=colour,
                bbox=box,
            )
            label.set_in_layout(False)
        axes.set_yticks([])
        axes.set_ylim(len(bars) - 0.6, -0.75)
        axes.set_xlim(0, 100)
        axes.set_xlabel("test accuracy %")
        axes.tick_params(length=0)
        axes.text(100 * chance, 1.01, "chance ", transform=axes.get_xaxis_transform(),
                  ha="right", color=theme.muted, fontsize=8)  # fmt: skip
        axes.text(100 * majority, 1.01, " majority", transform=axes.get_xaxis_transform(),
                  ha="left", color=theme.muted, fontsize=8)  # fmt: skip
        if published:
            axes.text(100 * max(published), 1.01, "paper", transform=axes.get_xaxis_transform(),
                      ha="center", color=theme.muted, fontsize=8)  # fmt: skip

    return _both(name, alt, draw, 0.8 + 0.62 * len(bars))


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
    """Validation accuracy over layers, a curve for each classifier; a dot where it was chosen."""

    def draw(axes: Axes, theme: Theme) -> None:
        axes.axhline(100 * chance, color=theme.muted, linestyle=":", linewidth=1)
        for number, curve in enumerate(curves):
            colour = matplotlib.colormaps["tab10"](number)
            scores = [100 * score for score in curve.scores]
            axes.plot(curve.layers, scores, color=colour, linewidth=1.6, label=curve.label)
            best = scores[list(curve.layers).index(curve.chosen)]
            axes.plot(curve.chosen, best, "o", color=colour, markersize=7)
        axes.set_xlabel("layer")
        axes.set_ylabel("validation accuracy %")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_title(title, fontsize=9.5, color=theme.ink, loc="left")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=5, frameon=False,
                    fontsize=8.5, labelcolor=theme.ink, handlelength=1.2)  # fmt: skip

    return _both(name, alt, draw, 3.4)


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
                          color=colour, fontsize=9)  # fmt: skip
        axes.set_xticks(range(len(labels)), shown, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(labels)), shown)
        axes.set_xticks(np.arange(-0.5, len(labels)), minor=True)
        axes.set_yticks(np.arange(-0.5, len(labels)), minor=True)
        axes.grid(which="minor", color=theme.line, linewidth=0.7)
        axes.tick_params(which="both", length=0)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        axes.set_title(title, fontsize=9.5, color=theme.ink, loc="left")

    return _both(name, alt, draw, WIDTH * 0.92)


def map_picture(name: str, alt: str, title: str, points: np.ndarray, labels: np.ndarray) -> Picture:
    """Points (N, 2) coloured by their labels (N,)."""
    names = sorted(set(labels.tolist()))

    def draw(axes: Axes, theme: Theme) -> None:
        for number, label in enumerate(names):
            x, y = points[labels == label].T
            axes.scatter(x, y, s=11, color=_colour(label, number, len(names)),
                         label=one_line(label), alpha=0.85, linewidths=0)  # fmt: skip
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_aspect("equal", "datalim")
        axes.set_title(title, fontsize=9.5, color=theme.ink, loc="left")
        if len(names) <= MOST_NAMES:
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=4, frameon=False,
                        fontsize=8.5, labelcolor=theme.ink, handletextpad=0.1, columnspacing=1,
                        markerscale=1.6)  # fmt: skip

    return _both(name, alt, draw, WIDTH)


def picture_name(*parts: str) -> str:
    """The name of a picture's files, whatever letters the names of tasks and runs have."""
    return "-".join(re.sub(r"[^A-Za-z0-9-]+", "-", part).strip("-") for part in parts)


def _colour(label: str, number: int, count: int) -> tuple[float, ...]:
    if label in EMOTION_COLOURS:
        return to_rgb(EMOTION_COLOURS[label])
    if count <= 10:
        return matplotlib.colormaps["tab10"](number)
    return matplotlib.colormaps["turbo"](0.05 + 0.9 * number / (count - 1))


def _both(name: str, alt: str, draw: Callable[[Axes, Theme], None], height: float) -> Picture:
    def pdf() -> bytes:
        return _drawn(draw, height, LIGHT, "pdf")

    light, dark = (_drawn(draw, height, theme, "png") for theme in (LIGHT, DARK))
    return Picture(name, alt, light, dark, pdf)


def _drawn(draw: Callable[[Axes, Theme], None], height: float, theme: Theme, suffix: str) -> bytes:
    # a dollar in a name is a dollar; the fonts of a PDF are embedded, as publishers ask
    with matplotlib.rc_context({"text.parse_math": False, "pdf.fonttype": 42}):
        return _figure(draw, height, theme, suffix)


def _figure(draw: Callable[[Axes, Theme], None], height: float, theme: Theme, suffix: str) -> bytes:
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, layout="constrained", facecolor=theme.surface)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_facecolor(theme.surface)
    for spine in axes.spines.values():
        spine.set_color(theme.line)
    axes.tick_params(colors=theme.ink, labelsize=9)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set(color=theme.muted, fontsize=9)
    file = io.BytesIO()
    draw(axes, theme)
    figure.savefig(file, format=suffix, facecolor=theme.surface, metadata=_UNDATED[suffix])
    return file.getvalue()


_UNDATED = {"png": {"Software": None}, "pdf": {"CreationDate": None}}
"""No date or version: the same run gives the same bytes."""
