"""The leaderboard as one static page: sorted and filtered by a click, read without a network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from serab.escaping import in_html
from serab.leaderboard.entry import KINDS, NEVER_HEARD, Entry
from serab.leaderboard.rows import Row, rows_of
from serab.report.words import DASH, p_value, percent, points
from serab.scores import SERAB_TASKS

HERE = Path(__file__).parent
STYLES = (HERE.parent / "report" / "style.css", HERE / "page.css")
SCRIPT = HERE / "page.js"

COLUMNS = (
    ("system", "text"),
    ("accuracy, %", "number"),
    ("interval", "number"),
    ("behind the first", "number"),
    ("kind", "text"),
    ("task", "text"),
    ("protocol", "text"),
    ("classifier", "text"),
    ("dimensions", "number"),
    ("licence", "text"),
    ("pre-trained on", "text"),
    ("corpus heard there", "text"),
)
LEAD = (
    "Test accuracy in percent. Under `strict` it is the mean over five splits of the speakers, and "
    "the bar is its standard deviation; with folds it is that of the speakers, each tested once, "
    "and the bar its 95 % interval. Under `published` it is that of the released split, whose "
    "classifier is chosen on the test part; the bar is the 95 % interval over speakers, or over "
    "utterances where there is one speaker. “Behind the first” is the paired difference in points "
    "on the released split or over all folds, with Holm's p. Printed rows are the paper's Table 3."
)


def page(entries: Iterable[Entry]) -> str:
    """One HTML file: style and script inside, nothing from elsewhere."""
    rows = rows_of(entries)
    present = dict.fromkeys(row.task for row in rows)
    tasks = [task for task in SERAB_TASKS if task in present]
    tasks += [task for task in present if task not in tasks]
    protocols = sorted({row.protocol for row in rows}, reverse=True)
    kinds = [kind for kind in (*KINDS, "printed") if any(row.kind == kind for row in rows)]
    head = "".join(
        f'<th scope="col" class="{kind}" aria-sort="none"><button type="button">'
        f"{in_html(name)}</button></th>"
        for name, kind in COLUMNS
    )
    body = "\n".join(map(_row, rows))
    lead = re.sub("`(.*?)`", r"<code>\1</code>", LEAD)
    styles = "".join(style.read_text(encoding="utf-8") for style in STYLES)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>SERAB leaderboard</title>
<style>
{styles}</style>
</head>
<body>
<header><h1>SERAB leaderboard</h1><p class="lead">{lead}</p></header>
<main>
<form class="filters" onsubmit="return false">
{_choice("task", tasks, tasks[:1])}
{_choice("protocol", protocols, protocols[:1])}
{_choice("kind", kinds, ())}
<output id="count" aria-live="polite"></output>
</form>
<div class="scroll" tabindex="0" role="region" aria-label="table"><table id="board">
<thead><tr>{head}</tr></thead>
<tbody>
{body}
</tbody></table></div>
<p class="hint">There is more to the right: scroll the table sideways.</p>
</main>
<script>
{SCRIPT.read_text(encoding="utf-8")}</script>
</body>
</html>
"""


def _choice(name: str, values: Sequence[str], chosen: Sequence[str]) -> str:
    options = "".join(
        f'<option value="{in_html(v)}"{" selected" if v in chosen else ""}>{in_html(v)}</option>'
        for v in values
    )
    return (
        f'<label>{name}<select name="{name}"><option value="">all</option>{options}</select>'
        "</label>"
    )


def _row(row: Row) -> str:
    entry = row.entry
    system = in_html(row.system)
    if entry is not None:
        commands = f"{entry.command} · {entry.system.source}"
        system = f'<span title="{in_html(commands)}">{system}</span>'
    cells = [
        _cell(_accuracy(row), row.accuracy),
        f'<td class="number" data-value="{row.low or 0:.6f}">{_bar(row)}</td>',
        _cell(_behind(row), row.behind.difference if row.behind else -1.0),
        _cell(row.kind),
        _cell(row.task),
        _cell(row.protocol),
        _cell(_of(entry, lambda e: ", ".join(e.classifiers))),
        _cell(
            _of(entry, lambda e: str(e.system.embed_dim)), entry.system.embed_dim if entry else 0
        ),
        _cell(_of(entry, lambda e: e.system.licence), wide=True),
        _cell(_of(entry, lambda e: e.system.pretraining), wide=True),
        _cell(_of(entry, _heard)),
    ]
    keys = " ".join(
        f'data-{name}="{in_html(value)}"'
        for name, value in (("task", row.task), ("protocol", row.protocol), ("kind", row.kind))
    )
    mark = ' class="published"' if entry is None else ""
    return f'<tr {keys}{mark}><th scope="row">{system}</th>{"".join(cells)}</tr>'


def _cell(text: str, value: float | None = None, wide: bool = False) -> str:
    classes = 'class="number" ' if value is not None else 'class="wide" ' if wide else ""
    key = f'data-value="{value:.6f}"' if value is not None else ""
    return f"<td {classes}{key}>{in_html(text)}</td>"


def _of(entry: Entry | None, fact: Callable[[Entry], str]) -> str:
    return DASH if entry is None else fact(entry)


def _heard(entry: Entry) -> str:
    if entry.system.kind in NEVER_HEARD:
        return "nothing is heard"
    if entry.heard is None:
        return "not checked"
    return f"{entry.heard.shared} of {entry.heard.utterances} utterances"


def _accuracy(row: Row) -> str:
    spread = "" if row.deviation is None else f" ± {percent(row.deviation)}"
    return percent(row.accuracy) + spread


def _behind(row: Row) -> str:
    if row.behind is None or row.p_holm is None:
        return DASH
    return f"{points(row.behind.difference)}, p {p_value(row.p_holm)}"


def _bar(row: Row) -> str:
    """From 0 to 100 %: the interval as a bar, the accuracy as a tick."""
    label, bar = f"{percent(row.accuracy)} %, no interval", ""
    if row.low is not None and row.high is not None:
        low, high = max(row.low, 0), min(row.high, 1)
        label = f"{percent(row.accuracy)} %, {percent(low)} to {percent(high)}"
        bar = (
            f'<rect x="{100 * low:.1f}" y="5" width="{100 * (high - low):.1f}" height="6" rx="2"/>'
        )
    return (
        f'<svg class="bar" viewBox="0 0 100 16" role="img" aria-label="{label}">'
        f'<title>{label}</title><line x1="0" x2="100" y1="8" y2="8"/>{bar}'
        f'<circle cx="{100 * row.accuracy:.1f}" cy="8" r="3"/></svg>'
    )
