"""Reports of real small runs: what they say, what they never mix, and that they stand alone."""

import re
from html.parser import HTMLParser

import pytest

from serab.classification import ClassificationRunner
from serab.extractors.base import Extractor
from serab.protocol import PROTOCOLS
from serab.published import table3
from serab.report.__main__ import main
from serab.report.compose import compose
from serab.report.page import Cards
from serab.report.runs import read_runs
from serab.report.write import write_report
from serab.results.run_files import RunFiles
from serab.results.summary import summarise, write_summary
from tests.support.small_corpus import make_corpus


class Loudness(Extractor):
    """Level in a few bands of time: a weak system."""

    name, sample_rate, fingerprint, bands = "loudness", 16_000, "l", 4

    def transform(self, waveforms):
        import numpy as np

        return np.array([[p.std() for p in np.array_split(w, self.bands)] for w in waveforms])


class Pitch(Loudness):
    """Low bins of the spectrum: a better one."""

    name, fingerprint = "pitch", "p"

    def transform(self, waveforms):
        import numpy as np

        return np.log([np.abs(np.fft.rfft(w))[20:260:6] + 1e-6 for w in waveforms])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two systems, two protocols, two of the nine tasks, and a demo."""
    root = tmp_path_factory.mktemp("data")
    corpora = [make_corpus(root, code, takes=2, seconds=0.2) for code in ("EMV", "EMB")]
    demo = make_corpus(root, "DEMO", ("de_m1", "de_f1", "en_m1", "en_f1", "fr_m1"), seconds=0.2)
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERAB_CACHE", str(root / "cache"))
        for name, extractor, protocol, indexes, seeds in (
            ("weak", Loudness(), "published", corpora, [0]),
            ("good", Pitch(), "published", [*corpora, demo], [0]),
            ("strict", Pitch(), "strict", corpora, [0, 1]),
            ("demo", Loudness(), "published", [demo], [0]),
        ):
            files = RunFiles(folder / name)
            of = ClassificationRunner(extractor, PROTOCOLS[protocol], files, ["LDA", "SVC"], jobs=1)
            for index in indexes:
                for seed in seeds:
                    of.run(index, seed)
            write_summary(summarise(files.results, PROTOCOLS[protocol]), folder / name)
    return folder


@pytest.fixture(scope="module")
def report(runs, tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    written = write_report([runs / "good", runs / "weak", runs / "strict"], out)
    assert [path.relative_to(out).as_posix() for path in written] == [
        *("report.html", "report.md", "results.csv"),
        *("demo/report.html", "demo/report.md", "demo/results.csv"),
    ]
    return out


def test_the_paper_s_rows_and_ours(report):
    text = (report / "report.md").read_text()
    table = text[text.index("## Beside the paper") : text.index("### Over the 2 tasks present")]
    for row in table3():
        (line,) = [li for li in table.splitlines() if li.startswith(f"| {row.model} |")]
        cells = [float(cell.strip(" *")) for cell in line.strip("|").split("|")[1:]]
        assert cells == [*row.accuracies.values(), *row.means.values()]
    assert "from the paper (published)" in table
    for label in ("pitch, best on test", "pitch, selected on validation", "loudness, best on test",
                  "pitch, strict, selected on validation"):  # fmt: skip
        (line,) = [li for li in table.splitlines() if li.startswith(f"| {label} |")]
        cells = [cell.strip() for cell in line.strip("|").split("|")[1:]]
        assert [bool(re.search(r"\d", cell)) for cell in cells] == [
            task in ("EMB", "EMV") for task in row.accuracies
        ] + [False] * 3


def test_numbers_are_those_of_the_run(runs, report):
    text = (report / "report.md").read_text()
    for name in ("good", "weak"):
        for row in RunFiles(runs / name).results:
            if row.best_on_test and not row.demo:
                assert f"**{100 * row.test_accuracy:.1f}**" in text
                assert f"{round(row.test_accuracy * row.n_test)}/{row.n_test}" in text


def test_sections(report):
    text = (report / "report.md").read_text()
    for heading in (
        *("Accuracy and its uncertainty", "Over several speaker splits", "Run against run"),
        *("Confusions and embeddings", "Protocol", "Leaks", "Provenance"),
    ):
        assert f"## {heading}\n" in text
    for words in ("chance %", "majority %", "McNemar", "no speaker and no recording is in two",
                  "transductive", "scikit-learn", "mean of 2 tasks"):  # fmt: skip
        assert words in text
    assert "pitch (first) and loudness (second), published" in text
    assert "strict" not in re.findall(r"### .* \(first\) and .*", text)[0]


def test_runs_of_two_protocols_are_not_compared_and_it_is_said_why(report):
    text = (report / "report.md").read_text()
    (note,) = [line for line in text.splitlines() if "different protocols aren't compared" in line]
    assert "**published** reports the classifier best on test" in note
    assert "**strict** reports the classifier selected on validation, split by true" in note


def test_each_emotion_has_its_scores(runs, report):
    """Recall and precision of the report are those of its own predictions."""
    text = (report / "report.md").read_text()
    section = text[text.index("## Each emotion") : text.index("## Protocol")]
    files = RunFiles(runs / "weak")
    (row,) = [row for row in files.results if row.best_on_test and row.task == "EMB"]
    (answers,) = [answers for answers in files.predictions if answers.slot == row.slot]
    table = section[section.index("### EMB") :]
    (header,) = re.findall(r"^\| emotion \|.*", table, re.MULTILINE)[:1]
    column = [cell.strip() for cell in header.split("|")].index("loudness, published")
    pairs = list(zip(answers.true, answers.predicted, strict=True))
    for emotion in answers.emotions:
        (line,) = re.findall(rf"^\| {emotion} \|.*", table, re.MULTILINE)[:1]
        precision, recall, _ = line.split("|")[column].strip().split(" / ")
        right = pairs.count((emotion, emotion))
        assert recall == f"{100 * right / answers.true.count(emotion):.1f}"
        called = answers.predicted.count(emotion)
        assert precision == (f"{100 * right / called:.1f}" if called else "–")


def test_the_first_numbers_are_one_row(runs, report):
    """Six would be more than a row holds: they are a table."""
    text = (report / "report.html").read_text()
    assert '<div class="cards">' not in text
    assert re.search(r"</nav>\s*<main>\s*<figure>", text)
    (cards,) = [b for b in compose(read_runs([runs / "strict"])).blocks if isinstance(b, Cards)]
    assert [card.number.split()[0] for card in cards.cards] == ["EMV", "EMB"]


def test_wide_tables_say_on_a_phone_that_there_is_more(report):
    text = (report / "report.html").read_text()
    tables = re.findall(r'<figure>(<p class="more">.*?</p>)?<div class="scroll".*?</table>', text)
    assert tables.count("") < len(tables)
    assert "13 columns: more to the right" in text


def test_demo_and_real_never_share_a_page(report):
    real, demo = ((report / path).read_text() for path in ("report.md", "demo/report.md"))
    assert "DEMO" not in real
    assert "DEMO" in demo
    assert "This is a demo" in demo
    assert "EMV" not in demo
    assert not any(row.model in demo for row in table3())


def test_a_demo_alone(runs, tmp_path):
    (html, *_) = write_report([runs / "demo"], tmp_path)
    assert html == tmp_path / "report.html"
    assert "not a benchmark" in html.read_text()


class Outside(HTMLParser):
    """Collects whatever a browser would fetch or run."""

    def __init__(self):
        super().__init__()
        self.fetched, self.pictures, self.open = [], 0, []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.pictures += tag == "img"
        for name in ("src", "srcset", "href"):
            value = attributes.get(name) or "#"
            if not value.startswith(("data:", "#")):
                self.fetched.append(value)
        if tag in ("script", "link", "iframe"):
            self.fetched.append(tag)
        if tag == "img":
            assert len(attributes["alt"]) > 20
        if tag not in ("meta", "img", "source"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_stands_alone(report):
    text = (report / "report.html").read_text()
    parser = Outside()
    parser.feed(text)
    assert parser.fetched == []
    assert parser.open == []
    assert "url(" not in text
    # per task an accuracy picture, three confusions; maps of the two encoders
    assert parser.pictures == 2 * (1 + 3 + 2 * 2)
    files = sorted(path.name for path in (report / "pictures").iterdir())
    assert len(files) == 2 * parser.pictures
    for name in re.findall(r"\((pictures/.*?\.png)\)", (report / "report.md").read_text()):
        assert (report / name).read_bytes().startswith(b"\x89PNG")


def test_same_runs_same_report(runs, report, tmp_path):
    write_report([runs / "good", runs / "weak", runs / "strict"], tmp_path)
    for name in ("report.html", "report.md", "results.csv"):
        assert (tmp_path / name).read_bytes() == (report / name).read_bytes()


def test_equal_names_are_told_apart(runs, tmp_path):
    copy = tmp_path / "second"
    copy.mkdir()
    for name in ("results.jsonl", "predictions.jsonl"):
        (copy / name).write_bytes((runs / "weak" / name).read_bytes())
    labels = [run.label for run in read_runs([runs / "weak", copy])]
    assert labels == ["loudness (weak)", "loudness (second)"]
    write_report([runs / "weak", copy], tmp_path / "out")
    text = (tmp_path / "out/report.md").read_text()
    assert text.count("**within the noise**") == 2


def test_bad_input_is_one_sentence(runs, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "results.jsonl").write_text("{")
    for path in (tmp_path / "empty", tmp_path / "nowhere", damaged):
        out = tmp_path / "out"
        assert main([str(runs / "weak"), str(path), "--out", str(out)]) == 1
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert path.name in error
        assert not out.exists()
