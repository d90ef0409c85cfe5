"""Sex, age, language and sentence of an utterance, from names, the records and speaker tables."""

import csv
import hashlib
import json

import pytest

from serab.corpora import CORPORA
from serab.index import load_index
from serab.prepare.corpus import prepare
from tests.support.corpus_trees import provider_paths, write_tree, write_wav


@pytest.mark.parametrize(
    ("code", "path", "said"),
    [
        ("AES", "anger/a01 (1).wav", (None, None, "Greek", "01")),
        ("CAF", "CaFE_48k/Peur/Fort/06-P-2-3.wav", ("female", 34, "French", "3")),
        ("CAF", "CaFE_192k/Neutre/01-N-4.aiff", ("male", 46, "French", "4")),
        ("CRE", "AudioWAV/1001_DFA_ANG_XX.wav", (None, None, "English", "DFA")),
        ("EMB", "wav/16b10Wa.wav", ("female", 31, "German", "b10")),
        ("EMV", "m1/dis-m1-l4.wav", ("male", None, "Italian", "l4")),
        ("RAV", "Actor_02/03-01-05-01-02-01-02.wav", ("female", None, "English", "02")),
        ("SAV", "AudioData/DC/sa07.wav", ("male", None, "English", None)),
        ("SHE", "male/M01S01.wav", ("male", None, "Persian", None)),
        ("SUBESCO", "M_10_TITAS_S_3_FEAR_5.wav", ("male", None, "Bangla", "3")),
        ("TESS", "YAF_pleasant_surprised/YAF_food_ps.wav", ("female", 26, "English", "food")),
        ("MESD", "Happiness_C_B_abuso.wav", (None, None, "Spanish (Mexico)", "abuso")),
        ("NEMO", "samples/WR0_surprised_12.wav", (None, None, "Polish", "12")),
        ("DEMO", "en/en_f2/en_f2_sadness_07.wav", ("female", None, None, None)),
    ],
)
def test_what_names_and_records_say(code, path, said):
    name = CORPORA[code].parse(path)
    assert (name.sex, name.age, name.language, name.text) == said


def test_every_sentence_of_emodb_is_known(tmp_path):
    write_tree(tmp_path / "in", provider_paths("EMB"))
    prepare("EMB", [tmp_path / "in"], tmp_path / "data")
    index = load_index("EMB", tmp_path / "data")
    assert {u.text for u in index.utterances} == (
        {f"a0{n}" for n in (1, 2, 4, 5, 7)} | {"b01", "b02", "b03", "b09", "b10"}
    )
    sexes = {u.speaker: u.sex for u in index.utterances}
    assert sorted(sexes.values()) == ["female"] * 5 + ["male"] * 5

    table = tmp_path / "data/EMB/index.csv"  # as it was before it had these columns
    rows = list(csv.DictReader(table.open(newline="")))
    old = [name for name in rows[0] if name not in ("sex", "age", "language", "text")]
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, old, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    about = json.loads(table.with_suffix(".json").read_text())
    about["index_sha256"] = hashlib.sha256(table.read_bytes()).hexdigest()
    table.with_suffix(".json").write_text(json.dumps(about))
    again = load_index("EMB", tmp_path / "data")
    assert again.utterances == index.utterances
    assert again.digest == index.digest


def test_speaker_table_beside_the_audio(tmp_path):
    for speaker in ("EB0", "WR0"):
        for emotion in ("anger", "fear", "happiness", "neutral", "sadness", "surprised"):
            write_wav(tmp_path / f"nEMO/samples/{speaker}_{emotion}_1.wav")
    without = prepare("NEMO", [tmp_path / "nEMO"], tmp_path / "data", allow_partial=True)
    assert {u.sex for u in without.utterances} == {None}
    assert any("data.tsv isn't beside the audio" in note for note in without.notes)
    lines = ["file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage"]
    lines += ["EB0_anger_1.wav\tanger\tTak.\ttak\tEB0\tfemale\t27"]
    lines += ["WR0_anger_1.wav\tanger\tTak.\ttak\tWR0\tmale\t"]
    (tmp_path / "nEMO/data.tsv").write_text("\n".join(lines) + "\n")
    prepare("NEMO", [tmp_path / "nEMO"], tmp_path / "data", allow_partial=True)
    index = load_index("NEMO", tmp_path / "data")
    people = {u.speaker: (u.sex, u.age) for u in index.utterances}
    assert people == {"EB0": ("female", 27.0), "WR0": ("male", None)}
    assert index.digest == without.digest
