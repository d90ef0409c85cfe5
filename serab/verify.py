"""Check evaluations: `python -m serab.verify RUN_DIR [RUN_DIR ...]` computes their numbers again.

Scores, intervals and marks from the predictions, means from the scores, and, where the corpus of
the same digest is prepared, who is in which part. It ends with 1 where something doesn't hold.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from serab.draws import Draw
from serab.escaping import one_line
from serab.index import CorpusIndex, load_index
from serab.protocol import protocol_named
from serab.results.contradictions import same
from serab.results.records import (
    ClassifierResult,
    Predictions,
    RegressionResult,
    estimator_params,
)
from serab.results.verify import Verification, verify_run
from serab.scores import chance, majority
from serab.splits import leak_report, split

if TYPE_CHECKING:
    from serab.estimators.grid import Candidate


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify run directories; 0 if all hold, 1 if one doesn't or can't be read."""
    parser = argparse.ArgumentParser(
        prog="serab verify",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run_dirs", nargs="+", type=Path, metavar="RUN_DIR", help="of evaluate.py")
    options = parser.parse_args(arguments)
    return max([_verify(run_dir) for run_dir in options.run_dirs])


def _verify(run_dir: Path) -> int:
    try:
        found = verify_run(run_dir)
    except (ValueError, OSError) as error:
        print(f"error: {one_line(str(error))}", file=sys.stderr)
        return 1
    if not found.results and not found.regression:
        print(
            f"error: {one_line(str(run_dir))}: no results; give a run_dir of evaluate.py.",
            file=sys.stderr,
        )
        return 1
    corpora, unchecked = _prepared(found)
    wrong = [*found.wrong, *_off_the_grid(found), *_against_corpora(found, corpora)]
    for sentence in (*found.unchecked, *unchecked):
        print(f"not checked: {one_line(sentence)}")
    for sentence in wrong:
        print(f"error: {one_line(f'{run_dir}: {sentence}')}", file=sys.stderr)
    state = f"{len(wrong)} things don't hold" if wrong else "all of it holds"
    print(
        f"{one_line(str(run_dir))}: {found.tested} tested classifiers computed again from their "
        f"predictions, {len(corpora)} tasks compared with their corpora; {state}"
    )
    return int(bool(wrong))


def _off_the_grid(found: Verification) -> Iterator[str]:
    """Parameters that the search can't have chosen."""
    # --help should not wait for scikit-learn
    from sklearn.model_selection import ParameterGrid

    from serab.classifiers import CLASSIFIERS
    from serab.regression import regressors

    rows: list[tuple[ClassifierResult | RegressionResult, str, dict[str, Candidate]]] = []
    rows += [(row, row.classifier, CLASSIFIERS) for row in found.results]
    rows += [(row, row.regressor, regressors()) for row in found.regression]
    for row, name, candidates in rows:
        if name not in candidates:
            yield f"{row.task}, {row.protocol}: no classifier or regressor is called {name!a}"
        elif not any(
            same(estimator_params(row.params), point)
            for point in ParameterGrid(candidates[name].grid)
        ):
            yield f"{row.task}, {row.protocol}, {name}: {row.params!a} is no point of its grid"


def _prepared(found: Verification) -> tuple[dict[str, CorpusIndex], list[str]]:
    """The corpora that are prepared here as they were when the run was made."""
    corpora, unchecked = {}, []
    for task in dict.fromkeys(row.task for row in found.results):
        digests = {row.corpus_digest for row in found.results if row.task == task}
        try:
            index = load_index(task)
        except (ValueError, KeyError, OSError):
            unchecked.append(f"{task}: who is in which part, since it isn't prepared here")
            continue
        if digests == {index.digest}:
            corpora[task] = index
        else:
            unchecked.append(
                f"{task}: who is in which part; the corpus prepared here is another or of another "
                f"state (digest {index.digest[:12]}, the results have "
                f"{', '.join(sorted(digest[:12] for digest in digests))})"
            )
    return corpora, unchecked


def _against_corpora(found: Verification, corpora: dict[str, CorpusIndex]) -> Iterator[str]:
    answers = {row.slot: row for row in found.predictions}
    for row in found.results:
        if row.task in corpora:
            yield from _against_corpus(row, answers.get(row.slot), corpora[row.task])


def _against_corpus(
    row: ClassifierResult, answers: Predictions | None, index: CorpusIndex
) -> Iterator[str]:
    """One result beside the split that its corpus, protocol and seed give."""
    parts = split(index, protocol_named(row.protocol), Draw(row.seed, row.folds))
    leaks = leak_report(index, parts)
    tested = [index.utterances[i] for i in parts.test]
    fitted = [index.utterances[i].emotion for i in (*parts.train, *parts.validation)]
    expected = {
        "n_train": len(parts.train),
        "n_val": len(parts.validation),
        "n_test": len(tested),
        "speakers": sorted({u.speaker for u in tested}),
        "chance": chance(parts.emotions),
        "majority": majority(fitted, [u.emotion for u in tested]),
        "partial": index.partial,
        "leaks": [] if leaks.clean else leaks.lines(),
    }
    name = ", ".join(map(str, row.slot))
    for field, value in expected.items():
        if not same(getattr(row, field), value):
            yield f"{name}: {field} isn't what the corpus gives"
    if answers is not None:
        right = {u.id: (u.speaker, u.emotion) for u in tested}
        given = zip(answers.utterances, answers.speakers, answers.true, strict=True)
        if {utterance: (speaker, emotion) for utterance, speaker, emotion in given} != right:
            yield f"{name}: its predictions are of other test utterances, speakers or emotions"


if __name__ == "__main__":
    sys.exit(main())
