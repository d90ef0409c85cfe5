"""Corpora beyond the nine: evaluated on request, never part of UM, WM or GM."""

from __future__ import annotations

import re

from serab.corpora.more import MORE
from serab.corpora.own import own_corpus
from serab.corpora.records import Access, Archive, Corpus, Person, Sex, SpeakerTable, grammar

_DEMO_EMOTIONS = ("anger", "fear", "happiness", "neutral", "sadness")

BEYOND: tuple[Corpus, ...] = (
    Corpus(
        code="SUBESCO",
        name="SUBESCO",
        language="Bangla",
        access=Access.OPEN,
        licence="CC BY 4.0",
        homepage="https://zenodo.org/record/4526477",
        citation="Sultana, Rahman, Selim, Iqbal: SUST Bangla emotional speech corpus (SUBESCO). "
        "PLoS ONE 16(4), 2021",
        archives=(Archive("SUBESCO.zip", "https://zenodo.org/record/4526477/files/SUBESCO.zip"),),
        # speakers are numbered within each sex; one file ends in "]"
        grammar=grammar(
            r"(?P<speaker>(?P<sex>[FM])_\d\d)_[A-Z]+_S_(?P<text>\d+)_"
            r"(?P<emotion>ANGRY|DISGUST|FEAR|HAPPY|NEUTRAL|SAD|SURPRISE)_\d\]?"
        ),
        example="SUBESCO/F_01_OISHI_S_10_ANGRY_1.wav",
        labels=(
            ("ANGRY", "anger"),
            ("DISGUST", "disgust"),
            ("FEAR", "fear"),
            ("HAPPY", "happiness"),
            ("NEUTRAL", "neutral"),
            ("SAD", "sadness"),
            ("SURPRISE", "surprise"),
        ),
        emotions=("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"),
        counts=(1000,) * 7,
        speakers=20,
    ),
    Corpus(
        code="TESS",
        name="TESS",
        language="English",
        access=Access.OPEN,
        licence="CC BY-NC-ND 4.0",
        homepage="https://doi.org/10.5683/SP2/E8H2MF",
        citation="Pichora-Fuller, Dupuis: Toronto emotional speech set (TESS). Borealis, 2020",
        # OA_bite_neutral.wav lacks its F
        grammar=grammar(
            r"(?P<speaker>OA|YA)F?_(?P<text>[a-z]+)_(?P<emotion>angry|disgust|fear|happy|neutral|ps|sad)"
        ),
        example="OAF_angry/OAF_back_angry.wav",
        labels=(
            ("angry", "anger"),
            ("disgust", "disgust"),
            ("fear", "fear"),
            ("happy", "happiness"),
            ("neutral", "neutral"),
            ("ps", "surprise"),
            ("sad", "sadness"),
        ),
        emotions=("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"),
        counts=(400,) * 7,
        speakers=2,
        people=(Person("OA", Sex.FEMALE, 64), Person("YA", Sex.FEMALE, 26)),
        notes=("two speakers: training and validation share one of them",),
    ),
    Corpus(
        code="NEMO",
        name="nEMO",
        language="Polish",
        access=Access.OPEN,
        licence="CC BY-NC-SA 4.0",
        homepage="https://github.com/amu-cai/nEMO",
        citation="Christop: nEMO: dataset of emotional speech in Polish. LREC-COLING 2024",
        archives=(
            Archive("nEMO-main.zip", "https://github.com/amu-cai/nEMO/archive/refs/heads/main.zip"),
        ),
        grammar=grammar(
            r"(?P<speaker>[A-Z]{2,3}\d)_"
            r"(?P<emotion>anger|fear|happiness|neutral|sadness|surprised)_(?P<text>\d+)"
        ),
        example="samples/EB0_anger_1.wav",
        labels=(
            ("anger", "anger"),
            ("fear", "fear"),
            ("happiness", "happiness"),
            ("neutral", "neutral"),
            ("sadness", "sadness"),
            ("surprised", "surprise"),
        ),
        emotions=("anger", "fear", "happiness", "neutral", "sadness", "surprise"),
        total=4481,
        speakers=9,
        speaker_table=SpeakerTable(
            re.compile(r"(?:^|/)data\.tsv$"),
            "data.tsv",
            speaker="speaker_id",
            sex="gender",
            age="age",
        ),
    ),
    Corpus(
        code="MESD",
        name="MESD",
        language="Spanish (Mexico)",
        access=Access.OPEN,
        licence="CC BY 4.0",
        homepage="https://data.mendeley.com/datasets/cy34mh68j9",
        citation="Duville, Alonso-Valerdi, Ibarra-Zarate: The Mexican emotional speech database "
        "(MESD). Mendeley Data, 2021",
        grammar=grammar(
            r"(?P<emotion>Anger|Disgust|Fear|Happiness|Neutral|Sadness)_(?P<speaker>(?P<sex>[CFM]))_[AB]_(?P<text>.+)"
        ),
        example="Anger_C_A_abajo.wav",
        labels=(
            ("Anger", "anger"),
            ("Disgust", "disgust"),
            ("Fear", "fear"),
            ("Happiness", "happiness"),
            ("Neutral", "neutral"),
            ("Sadness", "sadness"),
        ),
        emotions=("anger", "disgust", "fear", "happiness", "neutral", "sadness"),
        speakers=3,
        notes=("names tell voices (child, female, male), not people: voices stand for speakers",),
    ),
    *MORE,
    Corpus(
        code="DEMO",
        name="Demo speech",
        language="six, synthetic",
        access=Access.OWN,
        licence="made here",
        homepage="",
        citation="",
        grammar=grammar(
            rf"(?P<speaker>(?:de|el|en|fa|fr|it)_(?P<sex>[fm])\d+)_(?P<emotion>{'|'.join(_DEMO_EMOTIONS)})_\d+"
        ),
        example="de/de_m1/de_m1_anger_01.wav",
        labels=tuple((emotion, emotion) for emotion in _DEMO_EMOTIONS),
        emotions=_DEMO_EMOTIONS,
        demo=True,
    ),
    own_corpus("CUSTOM"),
)
