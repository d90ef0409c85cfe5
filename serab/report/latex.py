"""Tables as LaTeX, to be put into a paper with \\input; they need the package booktabs."""

from __future__ import annotations

from collections.abc import Sequence

from serab.escaping import in_latex
from serab.report.page import Style, Table, inline

COLUMN_HOLDS = 6
"""Columns of a table in one column of a paper; wider ones go over both."""
_COMMANDS = {Style.BOLD: r"\textbf", Style.CODE: r"\texttt"}


def to_latex(tables: Sequence[tuple[str, Table]]) -> str:
    """Tables with their labels, each a floating `table` with rules of booktabs."""
    head = r"% \usepackage{booktabs,graphicx} and \usepackage[utf8]{inputenc} in the preamble"
    return "\n\n".join([head, *(_table(label, table) for label, table in tables)]) + "\n"


def _table(label: str, table: Table) -> str:
    marks = table.marks or ("",) * len(table.rows)
    columns = "l" + "r" * (len(table.header) - 1)
    lines = [_row(table.header), r"\midrule"]
    for number, (row, mark) in enumerate(zip(table.rows, marks, strict=True)):
        if mark == "group":
            title = rf"\multicolumn{{{len(row)}}}{{l}}{{\emph{{{_line(row[0])}}}}} \\"
            lines += [*([r"\midrule"] if number else []), title]
        else:
            lines.append(_row(row))
    name = "table*" if len(table.header) > COLUMN_HOLDS else "table"
    return "\n".join(
        [
            rf"\begin{{{name}}}",
            r"\centering",
            rf"\caption{{{_line(table.caption)}}}",
            rf"\label{{tab:{label}}}",
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}}",
            rf"\end{{{name}}}",
        ]
    )


def _row(cells: Sequence[str]) -> str:
    row = " & ".join(map(_line, cells)) + r" \\"
    return "{}" + row if row.startswith(("[", "*")) else row  # else options of the row before


def _line(text: str) -> str:
    pieces = []
    for style, piece in inline(text):
        command = _COMMANDS.get(style)
        pieces.append(f"{command}{{{in_latex(piece)}}}" if command else in_latex(piece))
    return "".join(pieces)
