"""The cache: decoded audio for all extractors, and nothing that goes wrong with it stops a run."""

import logging
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from serab.cache import main
from serab.cache_folder import entries, prune
from serab.embed import waveforms
from serab.embed.cache import Cache
from serab.embed.corpus import batches, embed_corpus
from serab.extractors.encoder import RandomExtractor
from serab.extractors.template import TemplateExtractor
from tests.support.small_corpus import make_corpus

TRAIN = np.arange(0, 20)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("data"), takes=1, seconds=0.3)


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.random.default_rng(0).uniform(-1, 1, 4_800), 48_000)
    return path


def test_resampled_audio_is_kept(recording, tmp_path, monkeypatch):
    cache = Cache(tmp_path / "cache")
    fresh = waveforms.cached_waveform(recording, "ab12", 16_000, cache)
    assert np.array_equal(fresh, waveforms.read_waveform(recording, 16_000))
    (kept,) = (tmp_path / "cache").rglob("ab12.npy")
    recording.unlink()
    assert np.array_equal(waveforms.cached_waveform(recording, "ab12", 16_000, cache), fresh)
    # another way of reading is another entry
    monkeypatch.setattr(waveforms, "VERSION", "another")
    with pytest.raises(ValueError, match=r"a\.wav"):
        waveforms.cached_waveform(recording, "ab12", 16_000, cache)
    assert kept.exists()


def flip(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


DAMAGES = {
    "cut": lambda whole: whole[:-7],
    "emptied": lambda whole: b"",
    "a flipped bit of the header": lambda whole: flip(whole, 40),
    "a flipped bit of a sample": lambda whole: flip(whole, 200),
    "a flipped bit of the checksum": lambda whole: flip(whole, len(whole) - 1),
    "zeroed": lambda whole: whole[:150] + bytes(50) + whole[200:],
    "doubled": lambda whole: whole + whole,
    "as it was kept before there were checksums": lambda whole: whole[:-32],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_audio_is_decoded_again(recording, tmp_path, damage):
    cache = Cache(tmp_path / "cache")
    fresh = waveforms.cached_waveform(recording, "ab12", 16_000, cache)
    (kept,) = (tmp_path / "cache").rglob("ab12.npy")
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    assert np.array_equal(waveforms.cached_waveform(recording, "ab12", 16_000, cache), fresh)
    assert kept.read_bytes() == whole
    assert np.array_equal(np.load(kept), fresh)


def test_an_entry_under_another_name_is_not_believed(recording, tmp_path):
    cache = Cache(tmp_path / "cache")
    fresh = waveforms.cached_waveform(recording, "ab12", 16_000, cache)
    (kept,) = (tmp_path / "cache").rglob("ab12.npy")
    cache.write(b"another recording's", *kept.relative_to(tmp_path / "cache").parts[:-1], "ab13")
    kept.write_bytes(kept.with_name("ab13").read_bytes())
    assert np.array_equal(waveforms.cached_waveform(recording, "ab12", 16_000, cache), fresh)


def test_damaged_files_that_people_had(recording, tmp_path, shared):
    """Samples with flipped bytes, which were believed; a header that ended an evaluation."""
    cases = shared / "cases"
    files = [*cases.glob("06-*/*.npy"), cases / "05-npy-token-error/waveform.npy"]
    assert len(files) == 3
    cache = Cache(tmp_path / "cache")
    fresh = waveforms.cached_waveform(recording, "ab12", 16_000, cache)
    (kept,) = (tmp_path / "cache").rglob("ab12.npy")
    for file in files:
        kept.write_bytes(file.read_bytes())
        assert np.array_equal(waveforms.cached_waveform(recording, "ab12", 16_000, cache), fresh)


def test_wav_of_the_right_rate_is_not_copied(recording, tmp_path):
    soundfile.write(recording, np.zeros(1_600), 16_000)
    waveforms.cached_waveform(recording, "ab12", 16_000, Cache(tmp_path / "cache"))
    assert not list(tmp_path.rglob("*.npy"))


def test_a_cache_that_cannot_be_written_is_said_once(index, tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    wanted = np.arange(6)
    with caplog.at_level(logging.WARNING):
        refused = embed_corpus(
            TemplateExtractor(), index, TRAIN, wanted, Cache(tmp_path / "file" / "cache")
        )
    assert [r.getMessage().split(" (")[0] for r in caplog.records] == [
        f"cache {tmp_path}/file/cache can't be written"
    ]
    assert np.array_equal(
        refused, embed_corpus(TemplateExtractor(), index, TRAIN, wanted, Cache(None))
    )


def test_a_full_disk_is_said_and_what_was_kept_stays(index, tmp_path):
    """A limit on the size of a file refuses as a full disk does, half-way through a write."""
    program = f"""
import logging, resource, signal, sys
import numpy as np
from pathlib import Path
from serab.embed.cache import Cache
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
logging.basicConfig(format="%(message)s")
cache = Cache(Path({str(tmp_path)!r}))
assert cache.write(b"x" * 1000, "small")
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
assert cache.write(b"x" * 9000, "large") is None
assert cache.write(b"x", "other") is None
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("can't be written") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["small"]


def test_two_processes_share_the_work(index, tmp_path):
    """What another process embeds meanwhile is taken up at the next flush, not computed again."""
    other = TemplateExtractor()
    asked = []

    class Meanwhile(TemplateExtractor):
        def transform(self, heard):
            if not asked:
                embed_corpus(other, index, TRAIN, np.arange(30), Cache(tmp_path))
            asked.append(1)
            return super().transform(heard)

    from serab.embed import store as embedding_store

    flush = embedding_store.FLUSH_SECONDS
    embedding_store.FLUSH_SECONDS = 0.0
    try:
        mine = embed_corpus(Meanwhile(), index, TRAIN, np.arange(30), Cache(tmp_path))
    finally:
        embedding_store.FLUSH_SECONDS = flush
    assert len(asked) < 10
    assert np.array_equal(mine, embed_corpus(other, index, TRAIN, np.arange(30), Cache(None)))


@pytest.mark.parametrize("name", ["audio_ntt_512", "cvt_small"])
def test_threads_and_batches_give_what_one_by_one_gives(name, tmp_path):
    index = make_corpus(tmp_path, takes=1, seconds=0.5)
    wanted = np.arange(24)
    one = RandomExtractor(name, device="cpu")
    assert one.concurrent
    threads = embed_corpus(one, index, TRAIN, wanted, Cache(None))
    plain = [
        one.transform([waveforms.read_waveform(index.audio(index.utterances[i]), 16_000)])[0]
        for i in wanted
    ]
    assert np.abs(threads - np.stack(plain)).max() < 1e-5
    batched = RandomExtractor(name, device="cpu", batch_size=7)
    batched.concurrent = False
    padded = embed_corpus(batched, index, TRAIN, wanted, Cache(None))
    assert np.abs(padded - threads).max() < 1e-5


def test_batches_are_bounded(index):
    extractor = TemplateExtractor()
    extractor.batch_size, extractor.batch_seconds = 4, 0.9
    every = list(batches(extractor, [u.seconds for u in index.utterances], range(20)))
    assert sorted(i for batch in every for i in batch) == list(range(20))
    assert max(len(batch) for batch in every) > 1
    for batch in every:
        seconds = [index.utterances[i].seconds for i in batch]
        assert len(batch) == 1 or len(batch) * max(seconds) <= 0.9


def test_show_and_prune(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SERAB_CACHE", str(tmp_path))
    cache = Cache(tmp_path)
    cache.write(b"x" * 2_000_000, "new-1", "chunk.npz")
    cache.write(b"x" * 1_000_000, "old-1", "chunk.npz")
    long_ago = time.time() - 40 * 86_400
    os.utime(tmp_path / "old-1" / "chunk.npz", (long_ago, long_ago))
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert "3.0 MB in" in shown
    assert [entry.path.name for entry in entries(tmp_path)] == ["new-1", "old-1"]
    assert main(["prune", "--older-than", "30"]) == 0
    assert [entry.path.name for entry in entries(tmp_path)] == ["new-1"]
    assert [entry.path.name for entry in prune(tmp_path, "old-*")] == []
    assert [entry.path.name for entry in prune(tmp_path, "new-*")] == ["new-1"]
    assert not list(tmp_path.iterdir())


def test_damaged_fitted_state_is_fitted_again(index, tmp_path):
    extractor = RandomExtractor("audio_ntt_512", device="cpu")
    before = embed_corpus(extractor, index, TRAIN, np.arange(2), Cache(tmp_path))
    (state,) = (tmp_path / "fitted").iterdir()
    whole = state.read_bytes()
    state.write_bytes(whole.replace(b"0", b"1"))
    again = RandomExtractor("audio_ntt_512", device="cpu")
    assert np.array_equal(embed_corpus(again, index, TRAIN, np.arange(2), Cache(tmp_path)), before)
    assert state.read_bytes() == whole


def audio_cache(folder, names, size=1_000_000):
    """Entries of decoded audio, the first used longest ago."""
    cache = Cache(folder)
    for age, name in zip(range(len(names), 0, -1), names, strict=True):
        path = cache.write(b"x" * size, "audio", "16000-v", f"{name}.npy")
        os.utime(path, (time.time() - 60 * age,) * 2)
    return cache


def kept_audio(folder):
    return sorted(path.stem for path in (folder / "audio").rglob("*.npy"))


def test_decoded_audio_is_bounded(tmp_path, monkeypatch):
    """The limit holds while it is written; what was read last stays, and embeddings do."""
    Cache(tmp_path).write(b"x" * 9_000_000, "encoder-1", "chunk.npz")
    audio_cache(tmp_path, "abcd")
    monkeypatch.setenv("SERAB_CACHE_GB", "0.0045")
    cache = Cache(tmp_path)
    assert cache.use("audio", "16000-v", "a.npy")
    for name in "ef":
        cache.write(b"x" * 1_000_000, "audio", "16000-v", f"{name}.npy")
    assert kept_audio(tmp_path) == ["a", "d", "e", "f"]
    assert (tmp_path / "encoder-1" / "chunk.npz").exists()
    monkeypatch.setenv("SERAB_CACHE_GB", "0")
    assert Cache(tmp_path).write(b"x", "audio", "16000-v", "g.npy") is None


@pytest.mark.parametrize("text", ["much", "-1", "nan", "inf"])
def test_a_limit_that_is_no_size_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.setenv("SERAB_CACHE_GB", text)
    with pytest.raises(ValueError, match=rf"SERAB_CACHE_GB={text}: expected a number of GB"):
        Cache(tmp_path)


def test_prune_to_a_size(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SERAB_CACHE", str(tmp_path))
    audio_cache(tmp_path, "abc")
    assert main(["prune", "--audio-to", "0.0025"]) == 0
    assert "1 files of decoded audio deleted" in capsys.readouterr().out
    assert kept_audio(tmp_path) == ["b", "c"]
    with pytest.raises(SystemExit):
        main(["--audio-to", "1"])


def test_a_cache_that_is_not_there_is_said(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "nowhere", tmp_path / "file"):
        monkeypatch.setenv("SERAB_CACHE", str(path))
        assert main([]) == 1
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith(f"error: {path}: there is no cache; check SERAB_CACHE")
