"""The report's paired tests: runs against each other on the same test utterances."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import mean, stdev

from serab.compare import LEVEL, PairedTest, holm, mean_difference, paired_test
from serab.intervals import Interval
from serab.protocol import Protocol
from serab.report.page import Block, Bullets, Heading, Table, Text
from serab.report.runs import Run
from serab.report.words import DASH, MARKS, p_value, points, points_range
from serab.scores import SERAB_TASKS

HEADER = (
    "task",
    "difference",
    "over utterances",
    "over speakers",
    "only first right",
    "only second right",
    "McNemar p",
    "Holm p",
    "",
)


def comparison(runs: Sequence[Run]) -> list[Block]:
    """Each pair of runs of one protocol."""
    pairs = [(a, b) for a, b in combinations(runs, 2) if a.protocol == b.protocol]
    found = [block for pair in pairs for block in _pair(*pair)]
    apart = _protocols_apart(runs)
    if not found:
        return [Heading("Run against run"), *apart] if apart else []
    return [
        Heading("Run against run"),
        Text(
            "The same test utterances of split 0, one by one: McNemar's exact test asks whether "
            "the utterances that only one run gets right are evenly divided, Holm's p allows for "
            "the number of tasks, and the intervals (95 %, percentage points) draw utterances or "
            f"speakers anew. Within the noise: p of {LEVEL} or more, or an interval over speakers "
            "that holds zero."
        ),
        *apart,
        *found,
    ]


def _protocols_apart(runs: Sequence[Run]) -> list[Text]:
    """Why runs of two protocols have no test."""
    protocols = list(dict.fromkeys(run.protocol for run in runs))
    if len(protocols) < 2:
        return []
    rules = "; ".join(f"**{protocol.name}** reports {_rule(protocol)}" for protocol in protocols)
    return [
        Text(
            "Runs of different protocols aren't compared: a difference between them would be that "
            f"of the rules as much as of the systems. {rules}.",
            "note",
        )
    ]


def _rule(protocol: Protocol) -> str:
    """What a protocol's number is of, in a few words."""
    ids = "released speaker ids" if protocol.released_ids else "true speakers"
    norm = "each speaker" if protocol.per_speaker else "the fitted utterances"
    return f"the classifier {MARKS[protocol.reports]}, split by {ids}, normalised over {norm}"


def _pair(first: Run, second: Run) -> list[Block]:
    tests, predictions, classifiers, apart = {}, [], [], []
    for task in first.tasks:
        ours, theirs = (run.predicted(run.chosen(task)) for run in (first, second))
        if ours is None or theirs is None:
            continue
        try:
            tests[task] = paired_test(ours, theirs)
        except ValueError as error:
            apart.append(str(error))
            continue
        classifiers.append(f"{task} {ours.classifier} and {theirs.classifier}")
        if task in SERAB_TASKS:
            predictions.append((ours, theirs))
    if not tests and not apart:
        return []
    adjusted = holm({task: test.p for task, test in tests.items()})
    rows = [_row(test, adjusted[task], first, second) for task, test in tests.items()]
    if len(predictions) > 1:
        difference, interval = mean_difference(predictions)
        name = f"mean of {len(predictions)} tasks"
        rows.append(
            (name, points(difference), DASH, points_range(_limits(interval)), *[DASH] * 4, "")
        )
    optimistic = " Both are the best on test, so both are optimistic."
    title = f"{first.label} (first) and {second.label} (second), {first.protocol.name}"
    caption = "Classifiers: " + "; ".join(classifiers) + "."
    blocks: list[Block] = [Heading(title, 3)]
    if rows:
        caption += optimistic if first.protocol.tests_all else ""
        blocks.append(Table(HEADER, tuple(rows), caption))
    return [*blocks, *_over_splits(first, second), *(Text(text, "note") for text in apart)]


def _over_splits(first: Run, second: Run) -> list[Block]:
    """The same difference on each split that both have."""
    items = []
    for task in first.tasks:
        pairs = [
            (first.chosen(task, seed=seed), second.chosen(task, seed=seed)) for seed in first.seeds
        ]
        differences = [a.tested - b.tested for a, b in pairs if a and b]
        if len(differences) > 1:
            each = ", ".join(map(points, differences))
            items.append(
                f"{task}, difference over {len(differences)} splits: {points(mean(differences))} "
                f"± {100 * stdev(differences):.1f} points ({each}). Splits share speakers, so they "
                "are no independent trials."
            )
    return [Bullets(tuple(items))] if items else []


def _row(test: PairedTest, adjusted: float, first: Run, second: Run) -> tuple[str, ...]:
    verdict = test.verdict
    if not test.within_noise and adjusted >= LEVEL:
        verdict = "within the noise of several tasks"
    verdict = verdict.replace("first", first.label).replace("second", second.label)
    return (
        test.task,
        points(test.difference),
        points_range(_limits(test.over_utterances)),
        points_range(_limits(test.over_speakers)),
        str(test.only_first),
        str(test.only_second),
        p_value(test.p),
        p_value(adjusted),
        f"**{verdict}**",
    )


def _limits(interval: Interval | None) -> tuple[float, float] | None:
    return None if interval is None else (interval.low, interval.high)
