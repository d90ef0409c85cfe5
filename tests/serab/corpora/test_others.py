"""The corpora beyond the nine: their real names, odd ones among them, and the demo's."""

import pytest

from serab.corpora import CORPORA, corpus
from serab.corpora.others import BEYOND
from serab.prepare.corpus import prepare
from serab.prepare.errors import PrepareError
from serab.protocol import STRICT
from serab.splits import leak_report, split
from tests.support.corpus_trees import write_wav


@pytest.mark.parametrize(
    ("code", "path", "speaker", "emotion"),
    [
        ("SUBESCO", "SUBESCO/M_10_TITAS_S_3_FEAR_5.wav", "M_10", "fear"),
        ("SUBESCO", "F_02_MONIKA_S_2_SURPRISE_3].wav", "F_02", "surprise"),
        ("TESS", "OAF_neutral/OA_bite_neutral.wav", "OA", "neutral"),
        ("TESS", "YAF_pleasant_surprised/YAF_food_ps.wav", "YA", "surprise"),
        ("NEMO", "samples/WR0_surprised_12.wav", "WR0", "surprise"),
        ("MESD", "Happiness_F_B_abuso.wav", "F", "happiness"),
        ("DEMO", "en/en_f2/en_f2_sadness_07.wav", "en_f2", "sadness"),
    ],
)
def test_names(code, path, speaker, emotion):
    name = CORPORA[code].parse(path)
    assert (name.speaker, name.group, name.emotion) == (speaker, speaker, emotion)


def test_none_of_them_counts_for_the_benchmark():
    assert not any(record.serab for record in BEYOND)
    assert [record.code for record in BEYOND if record.demo] == ["DEMO"]


def test_codes_in_any_case():
    assert corpus("nemo") is CORPORA["NEMO"]
    with pytest.raises(ValueError, match="unknown corpus 'x'"):
        corpus("x")


def demo_tree(folder, speakers=("de_f1", "de_m1", "el_f1", "en_m1", "fa_f1"), each=2):
    for who in speakers:
        for emotion in CORPORA["DEMO"].emotions:
            for number in range(each):
                name = f"{who}_{emotion}_{number:02d}.wav"
                write_wav(folder / who[:2] / who / name, samples=160)


def test_demo_is_prepared_without_expected_counts(tmp_path):
    demo_tree(tmp_path / "in")
    index = prepare("DEMO", [tmp_path / "in"], tmp_path / "data")
    assert len(index.utterances) == 50
    assert index.emotions == ("anger", "fear", "happiness", "neutral", "sadness")
    assert not index.partial
    assert leak_report(index, split(index, STRICT)).clean


def test_demo_without_a_class(tmp_path):
    demo_tree(tmp_path / "in")
    for path in (tmp_path / "in").rglob("*_fear_*"):
        path.unlink()
    with pytest.raises(PrepareError, match="fear not at all") as refusal:
        prepare("DEMO", [tmp_path / "in"], tmp_path / "data")
    assert refusal.value.listing == ("missing: no utterances at all of fear",)


def test_total_where_only_that_is_known(tmp_path):
    for emotion in ("anger", "fear", "happiness", "neutral", "sadness", "surprised"):
        write_wav(tmp_path / f"in/samples/EB0_{emotion}_1.wav")
    with pytest.raises(PrepareError, match="6 of 4481 utterances") as refusal:
        prepare("NEMO", [tmp_path / "in"], tmp_path / "data")
    assert "missing: 6 utterances instead of 4481" in refusal.value.listing
    assert "missing: 1 speakers instead of 9" in refusal.value.listing
