"""Every command of the README and the guides, run as printed but for overrides behind it that make it small.

A command that the table below doesn't know fails: say there what it leaves behind.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

from benchmarks.__main__ import BENCHMARKS
from tests.support.paths import ROOT
from tests.support.programs import Ended
from tests.support.readme_commands import GUIDES, README, commands, run_printed
from tests.support.readme_place import MODEL, QUICK, SPEECH, TINY, Place

CPU = "trainer.accelerator=cpu trainer.precision=32-true"
ONE = "trainer.devices=1 trainer.num_nodes=1"
ENCODER = "runs/train/*/encoder.safetensors"
SCORES = "runs/evaluate/*/summary.json"
NO_GPU = "torch finds no GPU on this machine; leave out trainer=gpu, or set trainer.accelerator=cpu"


COMMANDS = commands(README, *GUIDES)


@dataclass(frozen=True)
class Walk:
    """How a command is made small, and how one sees that it did its work.

    Attributes:
        leaves: patterns of files; of each, one is new afterwards.
        says: what it prints.
        holds: what is in the file it leaves.
        more: put behind it.
        refused: without `more` it can't run where there is no GPU, and says this.
        fresh: in an interpreter of its own, which reads the environment anew.
        environment: variables on top.
    """

    leaves: tuple[str, ...] = ()
    says: str = ""
    holds: str = ""
    more: str = ""
    refused: str = ""
    fresh: bool = False
    environment: dict[str, str] = field(default_factory=dict)


# fmt: off
WALKS = {
    "make demo": Walk(("runs/demo/report/report.html",), holds="random"),
    "make test": Walk(),
    "python train.py": Walk((ENCODER,), "evaluate    python evaluate.py ckpt=", more=f"{MODEL} trainer.max_steps=2"),
    "python train.py encoder=cvt_large data=folder data.root=SPEECH":
        Walk((ENCODER,), more=TINY),
    "python train.py experiment=byol_s data=folder data.root=SPEECH trainer=gpu":
        Walk((ENCODER,), more=f"{TINY} {CPU}", refused=NO_GPU),
    "python train.py init=RUN data=folder data.root=SPEECH":
        Walk((ENCODER,), more=TINY),
    "python train.py data=mix 'data.parts=[{root: SPEECH, weight: 2},{root: PACKED, weight: 1, shards: true}]'":
        Walk(("runs/train/*/mixture.csv", ENCODER), more=TINY),
    "python train.py run_dir=RUN resume=auto":
        Walk(("RUN/encoder.safetensors",), more="trainer.max_steps=4"),
    "python train.py data=folder data.root=SPEECH probe.tasks=[EMB]":
        Walk(("runs/train/*/metrics/*/metrics.csv",), holds="probe_EMB", more=f"{TINY} trainer.max_epochs=1 trainer.max_steps=-1 probe.every_epochs=1"),
    "python train.py trainer.max_steps=2 optimizer.lr=1e-4 seed=1":
        Walk((ENCODER,), more=f"{TINY} {SPEECH}"),
    "python train.py --help": Walk(says="encoder: audio_ntt_1024"),
    "python -m datamodules.manifest audioset --ontology ontology.json --segments unbalanced_train_segments.csv --audio AUDIO --out speech.csv":
        Walk(("speech.csv",)),
    "python -m datamodules.shards pack --manifest speech.csv --out SHARDS --jobs 16":
        Walk(("SHARDS/*.i16",), fresh=True),
    "python -m datamodules.shards verify SHARDS": Walk(),
    "python train.py experiment=byol_s data=shards data.root=SHARDS trainer=ddp trainer.devices=8 trainer.num_nodes=4":
        Walk((ENCODER,), more=f"{TINY} {CPU} {ONE}", refused="torch finds no GPU on this machine"),
    "python train.py experiment=byol_s data=store data.root=s3://BUCKET/SHARDS trainer=gpu":
        Walk((ENCODER,), more=f"{TINY} {CPU}", refused=NO_GPU, fresh=True),
    "python train.py -m encoder=audio_ntt_512,cvt_small seed=1,2,3":
        Walk(("runs/train-sweeps/*/sweep.csv",), holds="finished", more=f"{TINY} {SPEECH}"),
    "python train.py -m sweep=joblib seed=1,2,3 evaluate.tasks=[EMB]":
        Walk(("runs/train-sweeps/*/sweep.csv",), holds="finished", more=f"{TINY} {SPEECH} evaluate.{QUICK}", fresh=True),
    "python evaluate.py -m sweep=joblib extractor=opensmile,random tasks=[EMB]":
        Walk(("runs/evaluate-sweeps/*/sweep.csv",), holds="finished", more=QUICK, fresh=True),
    "python -m serab.sweep SWEEP": Walk(("SWEEP/sweep.csv",)),
    "python -m models.hub RUN --out ENCODER --results EVALUATION":
        Walk(("ENCODER/README.md", "ENCODER/model.safetensors")),
    "python -m models.hub RUN --out ENCODER --push USER/NAME":
        Walk(says="/commit/aaaa", fresh=True),
    "python -m models.onnx RUN --out encoder.onnx": Walk(("encoder.onnx",)),
    "python -m serab.prepare --list": Walk(says="EMB"),
    "python -m serab.prepare EMB --source download.zip":
        Walk(("prepared/EMB/index.csv",), "535", environment={"SERAB_DATA": "prepared"}),
    "python evaluate.py ckpt=speech_512": Walk((SCORES,), more=QUICK),
    "python evaluate.py ckpt=RUN tasks=[EMB] protocol=strict": Walk((SCORES,), more=QUICK),
    "python evaluate.py extractor=byol_s_512 extractor.weights=WEIGHTS.pth tasks=[EMB]":
        Walk((SCORES,), more=QUICK),
    "python evaluate.py extractor=random extractor.encoder=cvt_large": Walk((SCORES,), more=QUICK),
    "python evaluate.py extractor=opensmile": Walk((SCORES,), more=QUICK, fresh=True),
    "python -m serab.report EVALUATION OTHER_EVALUATION --out report --latex":
        Walk(("report/report.html", "report/report.md", "report/tables.tex", "report/pictures/accuracy-EMB.pdf")),
    "python -m serab.verify EVALUATION": Walk(says="all of it holds"),
    # of the guides
    "python evaluate.py extractor=own extractor._target_=my_model.MyModel tasks=[EMB] protocol=strict":
        Walk((SCORES,), "my_model", more=QUICK),
    "python evaluate.py ckpt=RUN tasks=[EMB] protocol=strict run_dir=STRICT":
        Walk(("STRICT/summary.json",), more=QUICK),
    "python -m serab.embed SPEECH --encoder speech_512 --out table.parquet":
        Walk(("table.parquet",)),
    "python -m serab.embed SPEECH --encoder RUN --out windows.csv --segments 2 --hop 1":
        Walk(("windows.csv",), holds="start"),
    "python -m serab.predict SPEECH --from STRICT --task EMB --out emotions.csv":
        Walk(("emotions.csv",), holds="anger"),
}
DEMO = {  # what makes the recipe of `make demo` small
    "train.py": f"{TINY} trainer.max_epochs=1",
    "evaluate.py": QUICK,
}
# fmt: on


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, speech_folder: Path) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("readme") / "repo", speech_folder)
    yield place
    place.close()


def test_the_table_is_of_the_readme():
    assert not set(WALKS) - set(COMMANDS), "no longer in the README or a guide"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_a_guide_is_short(guide: Path):
    assert 3 <= len(commands(guide)) <= 10


@pytest.mark.parametrize("command", [c for c in COMMANDS if not c.startswith("make ")])
def test_command(place: Place, command: str):
    assert command in WALKS, f"{command}: say in WALKS what it leaves behind"
    walk = WALKS[command]
    place.need(*place.needed_by(command), *place.needed_by(walk.more))
    before = place.files(walk.leaves)
    environment = place.environment | walk.environment
    if walk.refused and not torch.cuda.is_available():
        refused = run_printed(command, place.folder, environment, walk.fresh)
        assert refused.status == 1
        assert walk.refused in refused.printed
        assert "Traceback" not in refused.printed
    ended = run_printed(f"{command} {walk.more}", place.folder, environment, walk.fresh)
    assert ended.status == 0, ended.printed
    assert walk.says in ended.printed
    place.made |= place.outputs(command)
    for pattern, after in place.files(walk.leaves).items():
        new = after - before[pattern]
        assert new, f"no new {pattern}\n{ended.printed}"
        assert not walk.holds or walk.holds in next(iter(new))[0].read_text()


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile."""
    command = ["make", "-n", "-o", ".venv/installed", target]
    outer = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "SERAB_DATA")  # of the make that runs this test
    environment = {name: value for name, value in os.environ.items() if name not in outer}
    printed = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    return [line.replace(".venv/bin/", "") for line in printed.splitlines()]


def test_make_test_is_the_whole_suite():
    assert recipe("test") == ["python -m pytest"]


def test_make_bench(place: Place):
    """One of its benchmarks as it is, and one without its process; the others' options are there."""
    (bench,) = (line.removeprefix("OMP_NUM_THREADS=1 ") for line in recipe("bench"))
    for benchmark in BENCHMARKS:
        script, *options = benchmark.command.split()
        if script != "evaluate.py":
            text = (ROOT / script).read_text()
            assert all(f'"{name}"' in text for name in options if name.startswith("--"))
    ended = run_printed(f"{bench} --only start", place.folder, place.environment)
    assert ended.status == 0, ended.printed
    assert "| start: cpu |" in (place.folder / "runs/bench/bench.md").read_text()
    (crops,) = (benchmark.command for benchmark in BENCHMARKS if benchmark.name == "crops")
    ended = run_printed(f"python {crops} --seconds 0.05", place.folder, place.environment)
    assert ended.status == 0, ended.printed


def test_make_demo(place: Place):
    """On the speech of `python train.py` before."""
    walk = WALKS["make demo"]
    ended = Ended(None, "")
    for command in recipe("demo"):
        more = DEMO.get(command.split()[1], "")
        ended = run_printed(f"{command} {more}", place.folder, place.environment)
        assert ended.status == 0, ended.printed
    assert walk.holds in (place.folder / walk.leaves[0]).read_text()
    shutil.rmtree(place.folder / "data" / "DEMO")  # 630 recordings, not for `ckpt=RUN` again
