"""The files that people really have: whole ones are read to their end, others get one sentence."""

from pathlib import Path

import numpy as np
import pytest

from datamodules.audio import AudioError, probe_audio, read_audio, read_segment

WHOLE = {
    "f01-mp3-streamed-cbr-refused/streamed_000000013.mp3": 62_208,
    "f01-mp3-streamed-cbr-refused/streamed_000000023.mp3": 52_992,
    "f02-mp3-vbr-silent-loss/03a01Fa.mp3": 85_248,
    "f02-mp3-vbr-silent-loss/03a01Nc.mp3": 72_576,
    "f02-mp3-vbr-silent-loss/03a02Fc.mp3": 89_856,
    "f03-flac-of-unknown-length/ff.flac": 30_372,
    "f10-streamed-wav-headers/hdr_16_more.wav": 30_372,
    "f10-streamed-wav-headers/hdr_7fff.wav": 30_372,
    "f10-streamed-wav-headers/hdr_filelen.wav": 30_372,
    "f10-streamed-wav-headers/hdr_zero_data.wav": 30_372,
    "f10-streamed-wav-headers/sox.wav": 30_372,
    "f11-cut-off-not-seen/concat.flac": 60_744,
    "f11-cut-off-not-seen/concat.mp3": 60_744,
    "f12-probe-refuses-what-reads/noeos.ogg": 30_372,
    "f12-probe-refuses-what-reads/wav_gsm_ms.wav": 15_360,
    "f12-probe-refuses-what-reads/wav_libmp3lame.wav": 31_680,
    "03-ogg-page-lost/original.opus": 108_800,
}
REFUSED = {
    "f03-flac-of-unknown-length/huge.flac": "says 68,719,476,735 samples and 30,372 are there",
    "04-flac-header-memory/060-header.flac": "samples and 30,372 are there",
    "f11-cut-off-not-seen/aiff_trunc.wav": "60,744 bytes of audio and 30,328 are there",
    "f11-cut-off-not-seen/au_trunc.wav": "60,744 bytes of audio and 30,350 are there",
    "f11-cut-off-not-seen/rf64_trunc.wav": "60,744 bytes of audio and 30,315 are there",
    "f11-cut-off-not-seen/hdr_too_small.wav": "says 1,000 bytes of audio and 60,744 are there",
    "03-ogg-page-lost/027-flip1.opus": "the page at byte 26,465 fails its checksum",
    "f22-lfs-pointers/folder/1001_DFA_ANG_XX.wav": "git-lfs pointer.*'git lfs pull'",
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole(shared: Path, name: str):
    path = shared / "cases" / name
    info = probe_audio(path)
    waveform, rate = read_audio(path)
    assert (info.frames, info.sample_rate) == (len(waveform), rate)
    assert len(waveform) == WHOLE[name]
    assert np.sqrt(np.mean(waveform[-rate // 2 :] ** 2)) > 1e-4, "the end is speech"
    tolerance = 1e-3 if path.suffix in (".opus", ".ogg") else 1e-6  # Opus converges after a seek
    for start in (0, 1, len(waveform) // 3, len(waveform) - 2000):
        segment = read_segment(path, start, 2000)
        np.testing.assert_allclose(segment, waveform[start : start + 2000], atol=tolerance)


@pytest.mark.parametrize("name", ["hdr_16_more", "hdr_7fff", "hdr_filelen", "hdr_zero_data", "sox"])
def test_streamed_headers_hold_what_the_good_file_holds(shared: Path, name: str):
    folder = shared / "cases" / "f10-streamed-wav-headers"
    waveform, _ = read_audio(folder / f"{name}.wav")
    np.testing.assert_array_equal(waveform, read_audio(folder / "good.wav")[0])


@pytest.mark.parametrize("read", [probe_audio, read_audio, lambda path: read_segment(path, 0, 100)])
@pytest.mark.parametrize("name", REFUSED)
def test_refused(shared: Path, name: str, read):
    with pytest.raises(AudioError, match=REFUSED[name]) as caught:
        read(shared / "cases" / name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_crops_of_tabled_mp3_are_those_of_the_whole(shared: Path):
    """Seeks of libsndfile's decoder lack the bits of earlier frames; up to 0.05 was lost so."""
    paths = sorted((shared / "data" / "librispeech" / "dev-clean").rglob("*.mp3"))[::150]
    for path in paths:
        waveform, _ = read_audio(path)
        for start in range(0, len(waveform) - 15_200, 13_777):
            segment = read_segment(path, start, 15_200)
            np.testing.assert_allclose(segment, waveform[start : start + 15_200], atol=1e-6)
