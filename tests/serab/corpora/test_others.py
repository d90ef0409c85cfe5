"""The corpora beyond the nine: their real names, odd ones among them, and the demo's."""

from itertools import product

import pytest

from serab.corpora import CORPORA, corpus
from serab.corpora.others import BEYOND
from serab.index import load_index
from serab.prepare.corpus import prepare
from serab.prepare.errors import PrepareError
from serab.protocol import STRICT
from serab.splits import leak_report, split
from tests.support.corpus_trees import write_tree, write_wav


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


NAMED = {
    "JL": [
        f"JL(wav+txt)/{who}_{emotion}_{n}{session}_{take}.wav"
        for who in ("female1", "female2", "male1", "male2")
        for emotion, _ in CORPORA["JL"].labels
        for n in range(1, 16)
        for session in "ab"
        for take in (1, 2)
    ],
    "ESD": [
        f"Emotion Speech Dataset/{who:04d}/{emotion}/{part}/{who:04d}_{350 * e + n:06d}.wav"
        for who in range(1, 21)
        for e, emotion in enumerate(("Neutral", "Angry", "Happy", "Sad", "Surprise"))
        for n in range(1, 351)
        for part in ("evaluation" if n <= 20 else "test" if n <= 50 else "train",)
    ],
    "RESD": [
        f"{first}_{second}_{n}/{n}_{first}_{second}_{side[0]}_{turn}.wav"
        for n, (first, second) in enumerate(
            product([name for _, name in CORPORA["RESD"].labels], repeat=2)
        )
        for turn, side in enumerate((first, second))
    ],
    "OREAU": [
        f"OréauFR_02/{'fm'[who % 2]}/sess{letter}/{who:02d}{letter}{n:02d}{emotion}a.wav"
        for who in range(1, 33)
        for letter, emotion in zip("abcdefg", "CDJNPST", strict=True)
        for n in (1, 2)
    ],
}


@pytest.mark.parametrize("code", NAMED)
def test_all_names_of_more_corpora(code):
    record = CORPORA[code]
    names = [record.parse(path) for path in NAMED[code]]
    assert None not in names
    assert len({name.id for name in names}) == len(names)
    assert {name.emotion for name in names} == set(record.emotions)
    assert record.speakers in (None, len({name.speaker for name in names}))
    assert record.utterances in (None, len(names)) or code == "RESD"
    others = {o.code for o in CORPORA.values() if o is not record and o.parse(NAMED[code][0])}
    assert not others


def test_copies_of_esd_in_one_folder_have_the_same_ids():
    name = CORPORA["ESD"].parse("ESD/0011/Angry/0011_000371.wav")
    assert name.id == CORPORA["ESD"].parse(CORPORA["ESD"].example).id == "0011_000371"
    assert (name.sex, name.language) == ("male", "English")


@pytest.mark.parametrize("code", ["JL", "ESD", "RESD", "OREAU"])
def test_a_tree_of_more_corpora(code, tmp_path):
    paths = NAMED[code][:: len(NAMED[code]) // 40 + 1]
    write_tree(tmp_path / "in", paths)
    prepare(code, [tmp_path / "in"], tmp_path / "data", allow_partial=True)
    index = load_index(code, tmp_path / "data")
    assert len(index.utterances) == len(paths)
    assert index.has_parts is False


def write_emozionalmente(folder):
    """Its layout and columns: 12 of its 431 actors, and the official lists."""
    emotions = [key for key, _ in CORPORA["EMOZ"].labels]
    header = "file_name,sentence,sentence_language,actor,emotion_expressed\n"
    rows = {"train": [], "dev": [], "test": []}
    for number in range(84):
        actor = number // 7
        part = "train" if actor < 8 else "dev" if actor < 10 else "test"
        write_wav(folder / f"audio/{number}.wav")
        text = f"Frase numero {number % 18}"
        rows[part].append(f"{number}.wav,{text},it,u{actor},{emotions[number % 7]}\n")
    (folder / "metadata/split").mkdir(parents=True)
    for part, lines in rows.items():
        (folder / f"metadata/split/{part}.csv").write_text(header + "".join(lines))
    everything = header + "".join(line for lines in rows.values() for line in lines)
    (folder / "metadata/samples.csv").write_text(everything)
    people = "".join(f"u{n},{'female' if n % 2 else 'male'},{20 + n},it\n" for n in range(12))
    (folder / "metadata/users.csv").write_text("username,gender,age,mother_tongue\n" + people)


def test_emozionalmente_with_its_official_parts(tmp_path):
    write_emozionalmente(tmp_path / "in/emozionalmente_dataset")
    prepare("EMOZ", [tmp_path / "in"], tmp_path / "data", allow_partial=True)
    index = load_index("EMOZ", tmp_path / "data")
    assert (len(index.utterances), index.emotions) == (84, CORPORA["EMOZ"].emotions)
    first = index.utterances[0]
    assert (first.id, first.speaker, first.sex, first.age, first.text, first.part) == (
        "0", "u0", "male", 20.0, "Frase numero 0", "train",
    )  # fmt: skip
    divided = split(index, STRICT)
    assert [len(divided.speakers[part]) for part in ("train", "validation", "test")] == [8, 2, 2]
    assert leak_report(index, divided).clean
    (tmp_path / "in/emozionalmente_dataset/metadata/samples.csv").unlink()
    with pytest.raises(ValueError, match=r"none of the 0 recordings|can be used"):
        prepare("EMOZ", [tmp_path / "in"], tmp_path / "data", allow_partial=True)


def test_emns_with_its_table_of_bars(tmp_path):
    folder = tmp_path / "in/cleaned_webm"
    lines = ["id|utterance|description|emotion|date_created|status|gender|age|level|"
             "audio_recording|user_id"]  # fmt: skip
    for number, (key, _) in enumerate(CORPORA["EMNS"].labels):
        write_wav(folder / f"rec{number}.wav")
        lines.append(f"{number}|A tale, {number}.|-|{key}|-|-|Female|20s|3|wavs/rec{number}.webm|3")
    (tmp_path / "in/metadata.csv").write_text("\n".join(lines) + "\n")
    prepare("EMNS", [tmp_path / "in"], tmp_path / "data")
    index = load_index("EMNS", tmp_path / "data")
    assert {u.emotion for u in index.utterances} == set(CORPORA["EMNS"].emotions)
    assert {(u.speaker, u.sex) for u in index.utterances} == {("3", "female")}
    assert index.utterances[0].text == "A tale, 0."
    with pytest.raises(ValueError, match="1 speaker"):
        split(index, STRICT)
