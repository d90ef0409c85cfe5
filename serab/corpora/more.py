"""More corpora beyond the nine, those of the CAMEO collection among them; never in UM, WM or GM."""

from __future__ import annotations

import re

from serab.corpora.records import (
    Access,
    Archive,
    Corpus,
    LabelTable,
    Person,
    Sex,
    SpeakerTable,
    grammar,
)

_WOMEN_OF_ESD = (1, 2, 3, 7, 9, 15, 16, 17, 18, 19)

MORE: tuple[Corpus, ...] = (
    Corpus(
        code="EMOZ",
        name="Emozionalmente",
        language="Italian",
        access=Access.OPEN,
        licence="CC BY 4.0",
        homepage="https://zenodo.org/record/6569824",
        citation="Catania, Wilke, Garzotto: Emozionalmente: a crowdsourced corpus of simulated "
        "emotional speech in Italian. IEEE Trans. Audio, Speech and Language Processing 33, 2025",
        archives=(Archive("emozionalmente_dataset.zip"),),
        grammar=grammar(r"(?<=audio/)[^/]+"),  # names say nothing: metadata/samples.csv does
        example="emozionalmente_dataset/audio/1.wav",
        label_files=re.compile(r"(?:^|/)metadata/(?:samples|split/(?P<part>train|dev|test))\.csv$"),
        label_table=LabelTable(
            "metadata/samples.csv",
            path="file_name",
            speaker="actor",
            emotion="emotion_expressed",
            text="sentence",
        ),
        speaker_table=SpeakerTable(
            re.compile(r"(?:^|/)metadata/users\.csv$"),
            "metadata/users.csv",
            speaker="username",
            sex="gender",
            age="age",
        ),
        labels=(
            ("anger", "anger"),
            ("disgust", "disgust"),
            ("fear", "fear"),
            ("joy", "happiness"),
            ("neutrality", "neutral"),
            ("sadness", "sadness"),
            ("surprise", "surprise"),
        ),
        emotions=("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"),
        counts=(986,) * 7,
        speakers=431,
        mean_seconds=3.8,
        notes=("amateurs with microphones of their own; the official parts share no speaker",),
    ),
    Corpus(
        code="JL",
        name="JL-Corpus",
        language="English",
        access=Access.OPEN,
        licence="CC0 1.0",
        homepage="https://www.kaggle.com/datasets/tli725/jl-corpus",
        citation="James, Tian, Watson: An open source emotional speech corpus for human robot "
        "interaction applications. Interspeech 2018",
        # sentence, then session
        grammar=grammar(
            r"(?P<speaker>(?P<sex>female|male)[12])_(?P<emotion>angry|anxious|apologetic|assertive|"
            r"concerned|encouraging|excited|happy|neutral|sad)_(?P<text>\d+)[ab]_[12]"
        ),
        example="Raw JL corpus (unchecked and unannotated)/JL(wav+txt)/female1_angry_10a_1.wav",
        labels=(
            ("angry", "anger"),
            ("anxious", "anxiety"),
            ("apologetic", "apology"),
            ("assertive", "assertiveness"),
            ("concerned", "concern"),
            ("encouraging", "encouragement"),
            ("excited", "excitement"),
            ("happy", "happiness"),
            ("neutral", "neutral"),
            ("sad", "sadness"),
        ),
        emotions=(
            *("anger", "anxiety", "apology", "assertiveness", "concern"),
            *("encouragement", "excitement", "happiness", "neutral", "sadness"),
        ),
        total=2400,
        speakers=4,
    ),
    Corpus(
        code="ESD",
        name="ESD",
        language="English, Mandarin",
        access=Access.RESTRICTED,
        licence="for research, after a form",
        homepage="https://github.com/HLTSingapore/Emotional-Speech-Data",
        citation="Zhou, Sisman, Liu, Li: Seen and unseen emotional style transfer for voice "
        "conversion with a new emotional speech dataset. ICASSP 2021",
        # copies have the files of a class in train, evaluation and test, or in one folder
        grammar=grammar(
            r"(?P<speaker>00(?:0[1-9]|1\d|20))/(?P<emotion>Angry|Happy|Neutral|Sad|Surprise)/"
            r"(?:(?:train|evaluation|test)/)?(?P=speaker)_\d{6}"
        ),
        respell=(re.compile(r"^.*_(\d{4}_\d{6})$"), r"\1"),
        example="Emotion Speech Dataset/0011/Angry/train/0011_000371.wav",
        labels=(
            ("Angry", "anger"),
            ("Happy", "happiness"),
            ("Neutral", "neutral"),
            ("Sad", "sadness"),
            ("Surprise", "surprise"),
        ),
        emotions=("anger", "happiness", "neutral", "sadness", "surprise"),
        counts=(7000,) * 5,
        speakers=20,
        mean_seconds=3.0,
        people=tuple(
            Person(
                f"{number:04d}",
                Sex.FEMALE if number in _WOMEN_OF_ESD else Sex.MALE,
                language="Mandarin" if number <= 10 else "English",
            )
            for number in range(1, 21)
        ),
        notes=("its official parts share all speakers, so they aren't kept: speakers are split",),
    ),
    Corpus(
        code="RESD",
        name="RESD",
        language="Russian",
        access=Access.OPEN,
        licence="MIT",
        homepage="https://huggingface.co/datasets/Aniemore/resd",
        citation="Amentes, Lubenets, Davidchuk: Russian emotional speech dialogs. Hugging Face, "
        "2022",
        # dialogue, the emotions of its two sides, that of who speaks, turn
        grammar=grammar(r"(?P<speaker>\d+)_[a-z]+_[a-z]+_(?P<emotion>[adefhns])_\d+"),
        example="happiness_enthusiasm_32/32_happiness_enthusiasm_h_120.wav",
        labels=(
            ("a", "anger"),
            ("d", "disgust"),
            ("e", "enthusiasm"),
            ("f", "fear"),
            ("h", "happiness"),
            ("n", "neutral"),
            ("s", "sadness"),
        ),
        emotions=("anger", "disgust", "enthusiasm", "fear", "happiness", "neutral", "sadness"),
        total=1396,
        notes=(
            "names tell dialogues, not people: a dialogue stands for a speaker, and actors "
            "may be in several",
        ),
    ),
    Corpus(
        code="OREAU",
        name="Oréau",
        language="French",
        access=Access.OPEN,
        licence="CC BY 4.0",
        homepage="https://zenodo.org/record/4405783",
        citation="Kerkeni, Cleder, Serrestou, Raoof: French emotional speech database - Oréau. "
        "Zenodo, 2020",
        grammar=grammar(
            r"(?P<sex>[fm])/[^/]+/(?P<speaker>\d\d)(?P<text>[a-z]\d\d)(?P<emotion>[CDJNPST])[a-z]?"
        ),
        respell=(re.compile(r"^.*_(\d\d[a-z]\d\d[CDJNPST][a-z]?)$"), r"\1"),
        example="OréauFR_02/m/sessc/12c02Ca.wav",
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
        speakers=32,
        notes=(
            "two versions: OréauFR_01 has 502 utterances, OréauFR_02 the 434 that listeners "
            "recognised; give one of them",
        ),
    ),
    Corpus(
        code="EMNS",
        name="EMNS",
        language="English",
        access=Access.OPEN,
        licence="Apache-2.0",
        homepage="https://www.openslr.org/136/",
        citation="Noriy, Yang, Zhang: EMNS /Imz/ Corpus: an emotive single-speaker dataset for "
        "narrative storytelling in games, television and graphic novels. arXiv 2305.13137, 2023",
        archives=(Archive("cleaned_webm.tar.xz"),),
        grammar=re.compile(r"(?:^|(?<=/))(?<=webm/)[^/]+\.(?i:webm|wav|flac)$"),
        example="cleaned_webm/1.webm",
        label_files=re.compile(r"(?:^|/)metadata\.csv$"),
        label_table=LabelTable(
            "metadata.csv",
            path="audio_recording",
            speaker="user_id",
            emotion="emotion",
            text="utterance",
            sex="gender",
        ),
        labels=(
            ("Angry", "anger"),
            ("Disgust", "disgust"),
            ("Excited", "excitement"),
            ("Happy", "happiness"),
            ("Neutral", "neutral"),
            ("Sad", "sadness"),
            ("Sarcastic", "sarcasm"),
            ("Surprised", "surprise"),
        ),
        emotions=(
            *("anger", "disgust", "excitement", "happiness"),
            *("neutral", "sadness", "sarcasm", "surprise"),
        ),
        speakers=1,
        notes=(
            "one speaker: it can be trained on across corpora, not split by speaker",
            "metadata.csv comes apart from the audio: put it beside the folder that "
            "cleaned_webm.tar.xz unpacks to; WebM needs the extra av",
        ),
    ),
)
