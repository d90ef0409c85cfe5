"""Read speech: probe, decode and crop any format, always as one mono float channel.

A file's kind is told by its content (`kinds`), one room a format says where its audio lies and if
all of it is there (`chunks`, `flac`, `mp3`, `ogg`), and `decoding` or `ffmpeg` decode it. Probing
and reading go the same way (`reading`), so that what is whole is decided once.
"""

from datamodules.audio.folders import shown_path, walk_audio
from datamodules.audio.kinds import CONTAINERS, SUFFIXES
from datamodules.audio.parts import LOUDEST, RATES, AudioError, AudioInfo
from datamodules.audio.reading import audio_info, probe_audio, read_audio, read_segment
from datamodules.audio.waveforms import fit_length, resample

__all__ = [
    "CONTAINERS",
    "LOUDEST",
    "RATES",
    "SUFFIXES",
    "AudioError",
    "AudioInfo",
    "audio_info",
    "fit_length",
    "probe_audio",
    "read_audio",
    "read_segment",
    "resample",
    "shown_path",
    "walk_audio",
]
