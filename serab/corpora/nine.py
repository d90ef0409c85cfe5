"""The nine corpora of SERAB, one record each."""

from __future__ import annotations

import re

from serab.corpora.records import (
    Access,
    Archive,
    Corpus,
    LeftOut,
    Person,
    Sex,
    SpeakerTable,
    grammar,
)

_UNLISTED = "not in the list of utterances that the published scores are computed on"


def _by_parity(speaker: str, age: float | None = None) -> Person:
    """Of a corpus whose odd numbers are men."""
    return Person(speaker, Sex.MALE if int(speaker) % 2 else Sex.FEMALE, age)


NINE: tuple[Corpus, ...] = (
    Corpus(
        code="AES",
        name="AESDD",
        language="Greek",
        access=Access.OPEN,
        licence="free for research",
        homepage="http://m3c.web.auth.gr/research/aesdd-speech-emotion-recognition/",
        citation="Vryzas, Kotsakis, Liatsou, Dimoulas, Kalliris: Speech emotion recognition for "
        "performance interaction. J. Audio Eng. Soc. 66(6), 2018",
        archives=(Archive("Acted Emotional Speech Dynamic Database.zip"),),
        # some have the speaker as (01), and second takes end in a or b; 01 to 19 are the same
        # sentence in each emotion, and 20 is what an actor improvised
        grammar=grammar(r"(?P<emotion>[adfhs])(?P<text>\d\d) \(0?(?P<speaker>\d)\)[ab]?"),
        example="anger/a01 (1).wav",
        labels=(
            ("a", "anger"),
            ("d", "disgust"),
            ("f", "fear"),
            ("h", "happiness"),
            ("s", "sadness"),
        ),
        emotions=("anger", "disgust", "fear", "happiness", "sadness"),
        counts=(121, 122, 120, 119, 122),
        speakers=6,
        mean_seconds=4.2,
        left_out=(LeftOut("s05 (3)", "damaged as published, it has no audio in it"),),
        serab=True,
    ),
    Corpus(
        code="CAF",
        name="CaFE",
        language="French",
        access=Access.OPEN,
        licence="CC BY-NC-SA 4.0",
        homepage="https://zenodo.org/record/1478765",
        citation="Gournay, Lahaie, Lefebvre: A Canadian French emotional speech dataset. "
        "ACM MMSys 2018",
        archives=(Archive("CaFE_48k.zip", "https://zenodo.org/record/1478765/files/CaFE_48k.zip"),),
        grammar=grammar(
            r"(?P<speaker>\d\d)-(?P<emotion>(?:[CDJPST](?=-[12]-)|N))(?:-[12])?-(?P<text>\d)"
        ),
        # the 192-kHz copy names neutral ones without the level, which is always 1
        respell=(re.compile(r"^(\d\d-N)-(\d)$"), r"\1-1-\2"),
        bytes_per_second=192_000 * 2 * 3,
        example="CaFE_48k/Colère/Faible/01-C-1-1.wav",
        labels=(
            ("C", "anger"),
            ("D", "disgust"),
            ("J", "happiness"),
            ("N", "neutral"),
            ("P", "fear"),
            ("S", "surprise"),
            ("T", "sadness"),
        ),
        emotions=("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"),
        counts=(144, 144, 144, 144, 72, 144, 144),
        speakers=12,
        mean_seconds=4.5,
        people=tuple(
            _by_parity(f"{number:02d}", age)
            for number, age in enumerate((46, 64, 18, 50, 22, 34, 15, 25, 42, 20, 35, 37), 1)
        ),
        released_without=("neutral",),
        notes=("the published scores leave out the 72 neutral utterances",),
        serab=True,
    ),
    Corpus(
        code="CRE",
        name="CREMA-D",
        language="English",
        access=Access.OPEN,
        licence="ODbL 1.0",
        homepage="https://github.com/CheyneyComputerScience/CREMA-D",
        citation="Cao, Cooper, Keutmann, Gur, Nenkova, Verma: CREMA-D: crowd-sourced emotional "
        "multimodal actors dataset. IEEE Trans. Affective Computing 5(4), 2014",
        grammar=grammar(
            r"(?P<speaker>1\d{3})_(?P<text>[A-Z]{3})_(?P<emotion>ANG|DIS|FEA|HAP|NEU|SAD)_(?:XX?|LO|MD|HI)"
        ),
        example="AudioWAV/1001_DFA_ANG_XX.wav",
        labels=(
            ("ANG", "anger"),
            ("DIS", "disgust"),
            ("FEA", "fear"),
            ("HAP", "happiness"),
            ("NEU", "neutral"),
            ("SAD", "sadness"),
        ),
        emotions=("anger", "disgust", "fear", "happiness", "neutral", "sadness"),
        counts=(1271, 1270, 1270, 1271, 1086, 1270),
        speakers=91,
        mean_seconds=2.5,
        left_out=(
            LeftOut("1006_TIE_NEU_XX", _UNLISTED),
            LeftOut("1013_WSI_DIS_XX", _UNLISTED),
            LeftOut("1017_IWW_FEA_XX", _UNLISTED),
            LeftOut("1040_ITH_SAD_X", _UNLISTED),
            LeftOut("1040_ITH_SAD_XX", _UNLISTED),
        ),
        probabilities=(0.7, 0.1, 0.2),
        speaker_table=SpeakerTable(
            re.compile(r"(?:^|/)VideoDemographics\.csv$"),
            "VideoDemographics.csv",
            speaker="actorid",
            sex="sex",
            age="age",
        ),
        mirror="the GitLab mirror (cs-cooper-lab/crema-d-mirror) or the release that the "
        "repository's issue 15 names",
        notes=(
            "git clone it with git-lfs installed, or get the audio from its GitLab mirror "
            "(cs-cooper-lab/crema-d-mirror)",
            "1076_MTI_SAD_XX is silent and stays in: the published scores count it",
        ),
        serab=True,
    ),
    Corpus(
        code="EMB",
        name="EmoDB",
        language="German",
        access=Access.OPEN,
        licence="free for research",
        homepage="http://emodb.bilderbar.info",
        citation="Burkhardt, Paeschke, Rolfes, Sendlmeier, Weiss: A database of German emotional "
        "speech. Interspeech 2005",
        archives=(Archive("download.zip", "http://emodb.bilderbar.info/download/download.zip"),),
        grammar=grammar(r"(?P<speaker>\d\d)(?P<text>[ab]\d\d)(?P<emotion>[WLEAFTN])[a-z]"),
        example="wav/03a01Fa.wav",
        labels=(
            ("W", "anger"),
            ("L", "boredom"),
            ("E", "disgust"),
            ("A", "fear"),
            ("F", "happiness"),
            ("N", "neutral"),
            ("T", "sadness"),
        ),
        emotions=("anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness"),
        counts=(127, 81, 46, 69, 71, 79, 62),
        speakers=10,
        mean_seconds=2.8,
        people=(
            Person("03", Sex.MALE, 31),
            Person("08", Sex.FEMALE, 34),
            Person("09", Sex.FEMALE, 21),
            Person("10", Sex.MALE, 32),
            Person("11", Sex.MALE, 26),
            Person("12", Sex.MALE, 30),
            Person("13", Sex.FEMALE, 32),
            Person("14", Sex.FEMALE, 35),
            Person("15", Sex.MALE, 25),
            Person("16", Sex.FEMALE, 31),
        ),
        notes=("EmoDB 2.0 is larger (816); only the 535 utterances of the first are used",),
        serab=True,
    ),
    Corpus(
        code="EMV",
        name="EMOVO",
        language="Italian",
        access=Access.OPEN,
        licence="free for research",
        homepage="http://voice.fub.it/activities/corpora/emovo/index.html",
        citation="Costantini, Iaderola, Paoloni, Todisco: EMOVO corpus: an Italian emotional "
        "speech database. LREC 2014",
        archives=(Archive("emovo.zip"),),
        grammar=grammar(
            r"(?P<emotion>dis|gio|neu|pau|rab|sor|tri)-"
            r"(?P<speaker>(?P<sex>[fm])[123])-(?P<text>[a-z]\d)"
        ),
        example="f1/dis-f1-b1.wav",
        labels=(
            ("dis", "disgust"),
            ("gio", "happiness"),
            ("neu", "neutral"),
            ("pau", "fear"),
            ("rab", "anger"),
            ("sor", "surprise"),
            ("tri", "sadness"),
        ),
        emotions=("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"),
        counts=(84,) * 7,
        speakers=6,
        mean_seconds=3.1,
        serab=True,
    ),
    Corpus(
        code="IEM",
        name="IEMOCAP (4 classes)",
        language="English",
        access=Access.RESTRICTED,
        licence="USC release form",
        homepage="https://sail.usc.edu/iemocap/iemocap_release.htm",
        citation="Busso, Bulut, Lee, Kazemzadeh, Mower, Kim, Chang, Lee, Narayanan: IEMOCAP: "
        "interactive emotional dyadic motion capture database. LREV 42(4), 2008",
        archives=(Archive("IEMOCAP_full_release.tar.gz"),),
        # true speaker: session + who speaks; released group: session + who wears the markers
        grammar=grammar(
            r"Ses(?P<group>(?P<speaker>0[1-5])[FM])_(?:impro|script)\w+_(?P<speaker2>(?P<sex>[FM]))\w{3,4}"
        ),
        example="IEMOCAP_full_release/Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
        label_files=re.compile(r"(?:^|/)EmoEvaluation/Ses0[1-5][FM]_\w+\.txt$"),
        labels=(
            ("ang", "anger"),
            ("exc", "happiness"),
            ("hap", "happiness"),
            ("neu", "neutral"),
            ("sad", "sadness"),
        ),
        emotions=("anger", "happiness", "neutral", "sadness"),
        counts=(1103, 1636, 1708, 1084),
        speakers=10,
        mean_seconds=3.4,
        serab=True,
    ),
    Corpus(
        code="RAV",
        name="RAVDESS",
        language="English",
        access=Access.OPEN,
        licence="CC BY-NC-SA 4.0",
        homepage="https://zenodo.org/record/1188976",
        citation="Livingstone, Russo: The Ryerson audio-visual database of emotional speech and "
        "song (RAVDESS). PLoS ONE 13(5), 2018",
        archives=(
            Archive(
                "Audio_Speech_Actors_01-24.zip",
                "https://zenodo.org/record/1188976/files/Audio_Speech_Actors_01-24.zip",
                size=208_468_073,
                md5="bc696df654c87fed845eb13823edef8a",
            ),
        ),
        # 03: audio only, 01: speech (02 is song)
        grammar=grammar(r"03-01-(?P<emotion>0[1-8])-0[12]-(?P<text>0[12])-0[12]-(?P<speaker>\d\d)"),
        example="Actor_01/03-01-05-01-02-01-01.wav",
        labels=(
            ("01", "neutral"),
            ("02", "calm"),
            ("03", "happiness"),
            ("04", "sadness"),
            ("05", "anger"),
            ("06", "fear"),
            ("07", "disgust"),
            ("08", "surprise"),
        ),
        emotions=(
            "anger",
            "calm",
            "disgust",
            "fear",
            "happiness",
            "neutral",
            "sadness",
            "surprise",
        ),
        counts=(192, 192, 192, 192, 192, 96, 192, 192),
        speakers=24,
        people=tuple(_by_parity(f"{number:02d}") for number in range(1, 25)),
        mean_seconds=3.7,
        serab=True,
    ),
    Corpus(
        code="SAV",
        name="SAVEE",
        language="English",
        access=Access.RESTRICTED,
        licence="free for research, after registration",
        homepage="http://kahlan.eps.surrey.ac.uk/savee/Register.html",
        citation="Haq, Jackson: Speaker-dependent audio-visual emotion recognition. AVSP 2009",
        archives=(Archive("AudioData.zip"),),
        # d03 is the third sentence of disgust; which of them several emotions share the names don't
        # say, so the numbers tell no sentence
        grammar=grammar(r"(?P<speaker>DC|JE|JK|KL)[/_](?P<emotion>sa|su|[adfhn])\d\d"),
        example="AudioData/DC/a01.wav",
        labels=(
            ("a", "anger"),
            ("d", "disgust"),
            ("f", "fear"),
            ("h", "happiness"),
            ("n", "neutral"),
            ("sa", "sadness"),
            ("su", "surprise"),
        ),
        emotions=("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"),
        counts=(60, 60, 60, 60, 120, 60, 60),
        speakers=4,
        people=tuple(Person(speaker, Sex.MALE) for speaker in ("DC", "JE", "JK", "KL")),
        mean_seconds=3.8,
        serab=True,
    ),
    Corpus(
        code="SHE",
        name="ShEMO",
        language="Persian",
        access=Access.OPEN,
        licence="free for research",
        homepage="https://github.com/mansourehk/ShEMO",
        citation="Mohamad Nezami, Jamshid Lou, Karami: ShEMO: a large-scale validated database "
        "for Persian speech emotion detection. LREV 53(1), 2019",
        archives=(
            Archive("female.zip", "https://github.com/mansourehk/ShEMO/raw/master/female.zip"),
            Archive("male.zip", "https://github.com/mansourehk/ShEMO/raw/master/male.zip"),
        ),
        # true speaker: F01 ... M56; released group: the number of the utterance
        grammar=grammar(r"(?P<speaker>(?P<sex>[FM])\d\d)(?P<emotion>[AFHNSW])(?P<group>\d\d)\d?"),
        example="female/F01A01.wav",
        labels=(
            ("A", "anger"),
            ("F", "fear"),
            ("H", "happiness"),
            ("N", "neutral"),
            ("S", "sadness"),
            ("W", "surprise"),
        ),
        emotions=("anger", "fear", "happiness", "neutral", "sadness", "surprise"),
        counts=(1059, 38, 201, 1028, 449, 225),
        speakers=87,
        mean_seconds=4.0,
        serab=True,
    ),
)
