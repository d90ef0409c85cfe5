"""Demo speech, offline: synthetic emotional speech in six languages."""

from datamodules.demo.script import EMOTIONS, SPEAKERS, DemoUtterance, demo_utterances
from datamodules.demo.sentences import LANGUAGES
from datamodules.demo.speech import DemoError, make_demo_speech

__all__ = [
    "EMOTIONS",
    "LANGUAGES",
    "SPEAKERS",
    "DemoError",
    "DemoUtterance",
    "demo_utterances",
    "make_demo_speech",
]
