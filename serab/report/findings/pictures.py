"""The analyses' pictures: curves with bands, bars with intervals, and a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from serab.escaping import one_line
from serab.report.page import Picture
from serab.report.pictures import TEXT, WIDTH, Theme, both_themes

_LINES = ("-", "--", ":", "-.", (0, (1, 1)), (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (7, 3)))


@dataclass(frozen=True)
class Curve:
    """Fractions over the ticks, None where there is none, with intervals; strong ones in colour."""

    label: str
    values: Sequence[float | None]
    intervals: Sequence[Sequence[float] | None]
    strong: bool


@dataclass(frozen=True)
class Dot:
    """A fraction with its interval, in a row of its own."""

    label: str
    value: float
    interval: Sequence[float] | None
    strong: bool = True


def curves_picture(
    name: str,
    alt: str,
    title: str,
    curves: Sequence[Curve],
    ticks: Sequence[str],
    labels: tuple[str, str],
    level: tuple[str, float] | None = None,
) -> Picture:
    """Curves over ticks at equal distances; `labels` of both axes, `level` a named line."""

    def draw(axes: Axes, theme: Theme) -> None:
        strong = 0
        for number, curve in enumerate(curves):
            x = [i for i, value in enumerate(curve.values) if value is not None]
            y = [100 * value for value in curve.values if value is not None]
            colour = theme.accent if curve.strong else theme.muted
            style = _LINES[strong if curve.strong else number % len(_LINES)]
            strong += curve.strong
            width = 2.2 if curve.strong else 0.9
            axes.plot(x, y, color=colour, linestyle=style, linewidth=width,
                      marker="o" if curve.strong else None, markersize=4,
                      label=one_line(curve.label))  # fmt: skip
            band = [(i, curve.intervals[i]) for i in x if curve.intervals[i] is not None]
            if curve.strong and band:
                low, high = (np.array([100 * limits[end] for _, limits in band if limits])
                             for end in (0, 1))  # fmt: skip
                axes.fill_between([i for i, _ in band], low, high, color=colour, alpha=0.13, lw=0)
        if level is not None:
            axes.axhline(100 * level[1], color=theme.muted, linestyle=":", linewidth=1)
            axes.text(len(ticks) - 1, 100 * level[1] + 1, level[0], color=theme.muted, fontsize=8,
                      ha="right")  # fmt: skip
        axes.set_xticks(range(len(ticks)), ticks)
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        axes.grid(axis="y", color=theme.line, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(length=0)
        _write_title(axes, theme, title)
        axes.figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8,
                           labelcolor=theme.ink, handlelength=3.6)  # fmt: skip

    return both_themes(name, alt, draw, WIDTH * 0.95)


def dots_picture(
    name: str, alt: str, title: str, dots: Sequence[Dot], label: str, zero: bool = False
) -> Picture:
    """Values with intervals, one below the other; `label` of the axis, perhaps a line at zero."""

    def draw(axes: Axes, theme: Theme) -> None:
        for row, dot in enumerate(dots):
            colour = theme.accent if dot.strong else theme.muted
            if dot.interval is not None:
                axes.plot([100 * x for x in dot.interval], [row, row], color=colour, linewidth=3,
                          alpha=0.4, solid_capstyle="round")  # fmt: skip
            axes.plot(100 * dot.value, row, "o", color=colour, markersize=5)
        if zero:
            axes.axvline(0, color=theme.muted, linewidth=1)
        axes.set_yticks(range(len(dots)), [one_line(dot.label) for dot in dots])
        axes.tick_params(length=0, labelsize=8.5)
        axes.set_ylim(len(dots) - 0.4, -0.6)
        axes.grid(axis="x", color=theme.line, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.figure.supxlabel(label, fontsize=TEXT, color=theme.muted)
        _write_title(axes, theme, title)

    return both_themes(name, alt, draw, 1.0 + 0.21 * len(dots))


def matrix_picture(
    name: str,
    alt: str,
    title: str,
    values: Sequence[Sequence[float | None]],
    rows: Sequence[str],
    columns: Sequence[str],
    labels: tuple[str, str],
) -> Picture:
    """Fractions (rows, columns) as shaded cells with their percent; None is left empty."""
    shares = np.array([[np.nan if v is None else v for v in row] for row in values], dtype=float)

    def draw(axes: Axes, theme: Theme) -> None:
        ramp = LinearSegmentedColormap.from_list("ramp", [theme.surface, theme.accent])
        axes.imshow(np.nan_to_num(shares), cmap=ramp, vmin=0, vmax=1, aspect="auto")
        for row, column in np.ndindex(*shares.shape):
            if np.isfinite(shares[row, column]):
                colour = theme.surface if shares[row, column] > 0.6 else theme.ink
                axes.text(column, row, f"{100 * shares[row, column]:.1f}", ha="center",
                          va="center", color=colour, fontsize=9)  # fmt: skip
        axes.set_xticks(range(len(columns)), [one_line(text) for text in columns])
        axes.set_yticks(range(len(rows)), [one_line(text) for text in rows])
        axes.tick_params(length=0)
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        _write_title(axes, theme, title)

    return both_themes(name, alt, draw, 1.3 + 0.42 * len(rows))


def _write_title(axes: Axes, theme: Theme, title: str) -> None:
    """Over the whole picture: over the axes alone a long one is cut, or takes their room."""
    axes.figure.suptitle(title, x=0.01, ha="left", fontsize=9.5, color=theme.ink)
