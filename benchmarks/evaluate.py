"""The classifier stage: scikit-learn's GridSearchCV over all processors, and `serab.protocol`.

    python benchmarks/evaluate.py --embeddings audio_ntt_512       EMB, random weights
    python benchmarks/evaluate.py --embeddings FILE.pth            EMB, official weights
    python benchmarks/evaluate.py --embeddings opensmile --classifiers QDA LR SVC RF
    python benchmarks/evaluate.py --grid-share 11 --rounds 1       synthetic, CREMA-D's size
    python benchmarks/evaluate.py --what extraction [options of benchmarks/extraction.py]

Both ways search the published grids on validation, fit the chosen point on training and validation,
and predict the test part. Rounds are interleaved; every way is a process of its own, in which
nothing but the compiled code of the trees is kept from before. Wall and CPU seconds are those of
the searches and predictions, start of the plain way's worker processes included, once; memory is
the largest sum over the processes of a way, pages they share counted once. With --grid-share k the
plain way searches each k-th point of a grid only and its search is counted k times (of a grid of up
to k points the first one, counted once); its predictions are then compared at the point that ours
chose. Every validation score and every test prediction of both ways is compared; of logistic
regressions with more utterances than dimensions, scores of points that can't win may differ.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

SIZES = {"crema-d": (7438, 5144, 738), "emodb": (535, 344, 107)}
"""Utterances; those of training and of validation."""


def synthetic(size: str, dimensions: int, classes: int, speakers: int) -> dict[str, np.ndarray]:
    """Embeddings with a falling spectrum, emotions and speakers in their first directions."""
    random = np.random.default_rng(0)
    n, n_train, n_validation = SIZES[size]
    who, emotion = np.sort(random.integers(0, speakers, n)), random.integers(0, classes, n)
    scale = (1 + np.arange(dimensions)) ** -0.5
    latent = random.normal(size=(n, dimensions))
    for labels, directions in ((emotion, 32), (who, 64)):
        offsets = 0.5 * random.normal(size=(labels.max() + 1, min(directions, dimensions)))
        latent[:, : offsets.shape[1]] += offsets[labels]
    rotation, _ = np.linalg.qr(random.normal(size=(dimensions, dimensions)))
    return {
        "embeddings": ((latent * scale) @ rotation).astype(np.float32),
        "targets": np.array([f"emotion{k}" for k in emotion]),
        "speakers": np.array([f"speaker{k:03}" for k in who]),
        "sizes": np.array([n_train, n_validation]),
    }


def of_corpus(source: str, code: str) -> dict[str, np.ndarray]:
    """A prepared corpus, by openSMILE, a file of weights or an encoder with random ones."""
    from serab.classification import embed_task
    from serab.extractors.encoder import EncoderExtractor, RandomExtractor
    from serab.extractors.opensmile import OpenSmileExtractor
    from serab.index import load_index
    from serab.protocol import PUBLISHED
    from serab.splits import split

    if source == "opensmile":
        extractor = OpenSmileExtractor()
    elif Path(source).exists():
        extractor = EncoderExtractor(source)
    else:
        extractor = RandomExtractor(source)
    index = load_index(code)
    task, _ = embed_task(extractor, index, split(index, PUBLISHED, 0))
    return {
        "embeddings": task.embeddings,
        "targets": task.targets,
        "speakers": task.speakers,
        "sizes": np.array([task.n_train, task.n_validation]),
    }


def plain(task, name: str, share: int, params: dict | None):
    """GridSearchCV as public code runs it, in scikit-learn's own estimators where they serve."""
    from sklearn.base import clone
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import GridSearchCV, ParameterGrid, PredefinedSplit

    from serab.classifiers import CLASSIFIERS
    from serab.search import normalise_by_speaker

    candidate, x, n_fit = CLASSIFIERS[name], normalise_by_speaker(task), task.n_fit
    estimator = candidate.estimator
    if name == "LDA":
        estimator = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    points = list(ParameterGrid(dict(candidate.grid)))
    chosen = points[::share]
    fold = np.r_[np.full(task.n_train, -1), np.zeros(task.n_validation, int)]
    search = GridSearchCV(
        estimator,
        [{key: [value] for key, value in point.items()} for point in chosen],
        cv=PredefinedSplit(fold),
        n_jobs=-1 if len(chosen) > 1 else 1,
        refit=False,
    )
    started = time.perf_counter()
    search.fit(x[:n_fit], task.targets[:n_fit])
    searched = (time.perf_counter() - started) * (share if len(chosen) > 1 else 1)
    started = time.perf_counter()
    best = search.best_params_ if share == 1 else params
    model = clone(estimator).set_params(**best).fit(x[:n_fit], task.targets[:n_fit])
    predicted = model.predict(x[n_fit:])
    tested = time.perf_counter() - started
    scores = search.cv_results_["mean_test_score"].tolist()
    return (
        dict(zip(range(0, len(points), share), scores, strict=True)),
        best,
        predicted,
        searched,
        tested,
    )


def ours(task, name: str, share: int, params: dict | None):
    from serab.classifiers import CLASSIFIERS
    from serab.protocol import PROTOCOLS
    from serab.scores import accuracy
    from serab.search import PreparedTask

    class Noted(PreparedTask):
        """Its search is evaluate.py's; what each point predicted is kept beside."""

        def _predict(self, *arguments, **keywords):
            self.predictions = super()._predict(*arguments, **keywords)
            return self.predictions

    candidate, prepared = CLASSIFIERS[name], Noted(task, PROTOCOLS["published"])
    started = time.perf_counter()
    best = prepared.search(candidate).params
    searched = time.perf_counter() - started
    true = task.targets[task.n_train : task.n_fit]
    scores = [accuracy(true, predicted) for predicted in prepared.predictions]
    started = time.perf_counter()
    predicted = prepared.predict_test(candidate, best)
    tested = time.perf_counter() - started
    return dict(enumerate(scores)), best, predicted, searched, tested


WAYS = {"ours": ours, "plain": plain}


def one(way: str, data: str, names: str, share: int, answers: str, params: str) -> None:
    """One way, all classifiers; run in a process of its own."""
    from joblib.externals.loky import get_reusable_executor

    import serab.classifiers  # noqa: F401 -- not what is measured
    from serab.search import Task

    warnings.simplefilter("ignore")
    os.environ["PYTHONWARNINGS"] = "ignore"  # of the workers too
    with np.load(data) as file:
        sizes = map(int, file["sizes"])
        task = Task(file["embeddings"], file["targets"], file["speakers"], *sizes)
    if way == "ours":  # compiles once for an installation
        from serab.estimators.tree import grow_tree, ranked

        few = task.embeddings[:50]
        many = np.empty((len(task.embeddings), 0))
        codes = ranked(few).codes.astype(ranked(many).codes.dtype)
        features = ranked(few)._replace(codes=codes)
        grow_tree(features, np.arange(50) % 2, np.ones(50, int), few, 2, 0, 2, 2, 3)
    before, results, walls, real = cpu_seconds(), {}, {}, 0.0
    for name in names.split():
        own = json.loads(params).get(name)
        scores, best, predicted, searched, tested = WAYS[way](task, name, share, own)
        results[name] = {"scores": scores, "best": best, "predicted": predicted.tolist()}
        walls[name] = searched + tested
        real += (searched / share if way == "plain" and len(scores) > 1 else searched) + tested
    if way == "plain":
        get_reusable_executor().shutdown(wait=True)  # so that its CPU seconds are counted
    cpu = (cpu_seconds() - before) * sum(walls.values()) / real
    Path(answers).write_text(json.dumps(results))
    print(json.dumps({"walls": walls, "cpu": cpu}))


def cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def measured(command: list[str]) -> dict:
    """Run one way; its report and the largest sum of its processes' memory in MB."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    peak, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            peak[0] = max(peak[0], session_megabytes(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    out, err = process.communicate()
    over.set()
    watcher.join()
    if process.returncode:
        sys.exit(err)
    return json.loads(out.splitlines()[-1]) | {"megabytes": peak[0]}


def session_megabytes(session: int) -> float:
    """Memory of all processes of a session; shared pages are divided among their users."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if int((process / "stat").read_text().rpartition(")")[2].split()[3]) == session:
                found = re.search(r"^Pss:\s+(\d+)", (process / "smaps_rollup").read_text(), re.M)
                total += int(found[1])
        except (OSError, TypeError, ValueError):  # it has ended meanwhile
            continue
    return total / 1024


def compare(answers: dict[str, dict], share: int) -> str:
    """Where the two ways differ, in words."""
    mine, theirs = answers["ours"], answers["plain"]
    keys = theirs["scores"].keys() & mine["scores"].keys()
    scores = sum(mine["scores"][key] != theirs["scores"][key] for key in keys)
    tests = sum(a != b for a, b in zip(mine["predicted"], theirs["predicted"], strict=True))
    chosen = "" if share > 1 else f"{'same' if mine['best'] == theirs['best'] else 'OTHER'} point, "
    return (
        f"{chosen}{scores} of {len(keys)} validation scores and {tests} of "
        f"{len(mine['predicted'])} test predictions differ"
    )


def main() -> None:
    if sys.argv[1:3] == ["--what", "extraction"]:
        script = Path(__file__).with_name("extraction.py")
        sys.exit(subprocess.call([sys.executable, str(script), *sys.argv[3:]]))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--what", choices=["classifiers", "extraction"], default="classifiers")
    parser.add_argument("--embeddings", default="synthetic", help="or opensmile, ENCODER, FILE")
    parser.add_argument("--task", default="EMB", help="prepared corpus, unless synthetic")
    parser.add_argument("--size", choices=SIZES, default="crema-d", help="of synthetic embeddings")
    parser.add_argument("--dimensions", type=int, default=2048, help="of synthetic embeddings")
    parser.add_argument("--classifiers", nargs="+", default=["LDA", "QDA", "LR", "SVC", "RF"])
    parser.add_argument("--grid-share", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=WAYS, help="run one way, without comparing")
    parser.add_argument("--one", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        way, data, name, share, answers, params = options.one
        one(way, data, name, int(share), answers, params)
        return
    ways = [options.only] if options.only else list(WAYS)
    with tempfile.TemporaryDirectory() as scratch:
        data = f"{scratch}/task.npz"
        if options.embeddings == "synthetic":
            classes, speakers = (6, 91) if options.size == "crema-d" else (7, 10)
            arrays = synthetic(options.size, options.dimensions, classes, speakers)
        else:
            arrays = of_corpus(options.embeddings, options.task)
        np.savez(data, **arrays)
        print(f"{options.embeddings}: {arrays['embeddings'].shape}, plain searches 1 point of "
              f"{options.grid_share}")  # fmt: skip
        totals = {way: {"wall": [], "cpu": [], "megabytes": []} for way in ways}
        for _ in range(options.rounds):
            answers, best = {}, {}
            for way in ways:
                file, share = f"{scratch}/{way}.json", options.grid_share if way == "plain" else 1
                row = measured(
                    [sys.executable, __file__, "--one", way, data, " ".join(options.classifiers),
                     str(share), file, json.dumps(best)]
                )  # fmt: skip
                answers[way] = json.loads(Path(file).read_text())
                best = {name: answer["best"] for name, answer in answers[way].items()}
                each = ", ".join(f"{name} {wall:.2f}" for name, wall in row["walls"].items())
                row["wall"] = sum(row["walls"].values())
                print(f"{way:6}{row['wall']:9.2f} s wall ({each})", flush=True)
                for key, values in totals[way].items():
                    values.append(row[key])
            if len(ways) == 2:
                for name in options.classifiers:
                    both = {way: answers[way][name] for way in ways}
                    print(f"{name:6}{compare(both, options.grid_share)}", flush=True)
        for way in ways:
            wall, cpu, megabytes = (np.median(totals[way][key]) for key in totals[way])
            print(f"all {way:6}{wall:9.2f} s wall {cpu:9.2f} s CPU {megabytes:7.0f} MB")
        if len(ways) == 2:
            for key in ("wall", "cpu"):
                ratios = np.divide(totals["plain"][key], totals["ours"][key])
                each = ", ".join(f"{r:.1f}" for r in ratios)
                print(f"ratio {key:5}{np.median(ratios):6.1f} ({each})")


if __name__ == "__main__":
    main()
