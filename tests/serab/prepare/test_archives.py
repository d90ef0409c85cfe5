"""Archives that must not write outside their folder, or hide two files behind one name."""

import io
import random
import tarfile
import warnings
import zipfile

import pytest

from serab.corpora.records import Archive
from serab.prepare.archives import check_archive, unpack
from serab.prepare.errors import PrepareError


def make_zip(path, *names):
    with zipfile.ZipFile(path, "w") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about double names, which are wanted here
        for name in names:
            file.writestr(name, b"hello")
    return path


def make_tar(path, *members):
    with tarfile.open(path, "w:gz") as file:
        for info in members:
            file.addfile(info, io.BytesIO(b"hello") if info.isreg() else None)
    return path


def member(name, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, 5 if kind == tarfile.REGTYPE else 0
    return info


def everything(path):
    return True


def refusal(archive, target):
    """What an archive is refused with; None where it is unpacked."""
    try:
        unpack(archive, target, everything)
    except PrepareError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    "name", ["../evil.wav", "wav/../../evil.wav", "/evil.wav", "..\\evil.wav", "C:/evil.wav"]
)
def test_zip_paths_that_lead_outside(name, tmp_path):
    archive = make_zip(tmp_path / "a.zip", "wav/good.wav", name)
    (tmp_path / "x/out").mkdir(parents=True)
    with pytest.raises(PrepareError, match="leads outside"):
        unpack(archive, tmp_path / "x/out", everything)
    assert not list(tmp_path.rglob("evil.wav"))


def test_unwanted_members_are_checked_too(tmp_path):
    archive = make_zip(tmp_path / "a.zip", "../evil.txt")
    (tmp_path / "out").mkdir()
    with pytest.raises(PrepareError, match="leads outside"):
        unpack(archive, tmp_path / "out", lambda path: False)


def test_zip_link(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        info = zipfile.ZipInfo("wav/link.wav")
        info.external_attr = 0o120777 << 16
        file.writestr(info, "/etc/passwd")
    (tmp_path / "out").mkdir()
    with pytest.raises(PrepareError, match="a link"):
        unpack(tmp_path / "a.zip", tmp_path / "out", everything)


@pytest.mark.parametrize(
    "bad",
    [
        member("../evil.wav"),
        member("/evil.wav"),
        member("wav/link.wav", tarfile.SYMTYPE, "/etc/passwd"),
        member("wav/hard.wav", tarfile.LNKTYPE, "../x"),
        member("wav/pipe.wav", tarfile.FIFOTYPE),
    ],
    ids=lambda info: info.name,
)
def test_hostile_tars(bad, tmp_path):
    archive = make_tar(tmp_path / "a.tar.gz", member("wav/good.wav"), bad)
    (tmp_path / "out").mkdir()
    with pytest.raises(PrepareError, match="nothing was kept"):
        unpack(archive, tmp_path / "out", everything)
    assert not list(tmp_path.rglob("evil.wav"))


def test_two_files_with_one_name(tmp_path):
    archive = make_zip(tmp_path / "a.zip", "wav/a.wav", "wav/a.wav")
    (tmp_path / "out").mkdir()
    with pytest.raises(PrepareError, match=r"of one name \(wav/a.wav\)"):
        unpack(archive, tmp_path / "out", everything)


def test_only_wanted_files_are_written_and_all_are_named(tmp_path):
    archive = make_zip(tmp_path / "a.zip", "wav/a.wav", "video/a.avi", "__MACOSX/wav/._a.wav")
    (tmp_path / "out").mkdir()
    names = unpack(archive, tmp_path / "out", lambda path: path.endswith(".wav"))
    assert names == ["wav/a.wav", "video/a.avi"]
    assert [p.name for p in (tmp_path / "out").rglob("*") if p.is_file()] == ["a.wav"]


def test_archives_inside(tmp_path):
    inner = make_zip(tmp_path / "female.zip", "F01A01.wav")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.write(inner, "repo/female.zip")
        file.writestr("repo/female/readme.txt", "a folder of the same name")
    (tmp_path / "out").mkdir()
    names = unpack(tmp_path / "a.zip", tmp_path / "out", lambda path: path.endswith(".wav"))
    assert sorted(names) == ["repo/female/F01A01.wav", "repo/female/readme.txt"]
    assert (tmp_path / "out/repo/female/F01A01.wav").read_bytes() == b"hello"
    assert not (tmp_path / "out/repo/female.zip").exists()


def test_names_in_utf8_without_the_flag_that_says_so(tmp_path):
    path = make_zip(tmp_path / "a.zip", "Colère/a.wav")
    content = path.read_bytes()
    flagged = content.count(b"\x00\x08\x00\x00", 0, 12)
    for at in (content.index(b"PK\x03\x04") + 6, content.index(b"PK\x01\x02") + 8):
        content = content[:at] + b"\x00\x00" + content[at + 2 :]
    path.write_bytes(content)
    assert flagged >= 0
    (tmp_path / "out").mkdir()
    assert unpack(path, tmp_path / "out", everything) == ["Colère/a.wav"]


def test_encrypted(tmp_path):
    path = make_zip(tmp_path / "a.zip", "a.wav")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    (tmp_path / "out").mkdir()
    with pytest.raises(PrepareError, match="encrypted"):
        unpack(path, tmp_path / "out", everything)


def test_size_and_checksum(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"hello")
    check_archive(path, Archive("a.zip", size=5, md5="5d41402abc4b2a76b9719d911017c592"))
    with pytest.raises(PrepareError, match=r"half-downloaded, 5 bytes where .* has 9"):
        check_archive(path, Archive("a.zip", size=9))
    with pytest.raises(PrepareError, match="another file, 5 bytes"):
        check_archive(path, Archive("a.zip", size=4))
    with pytest.raises(PrepareError, match="its md5 is 5d41402abc4b2a76b9719d911017c592"):
        check_archive(path, Archive("a.zip", md5="0" * 32))


def test_a_name_that_is_file_and_folder(tmp_path):
    archive = make_zip(tmp_path / "a.zip", "wav", "wav/a.wav")
    (tmp_path / "out").mkdir()
    with pytest.raises(PrepareError, match=r"a file and a folder, of one name \(wav/a\.wav\)"):
        unpack(archive, tmp_path / "out", everything)


def test_archives_in_archives_without_end(tmp_path):
    content = make_zip(tmp_path / "inner.zip", "a.wav").read_bytes()
    for _ in range(1200):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr("z.zip", content)
        content = buffer.getvalue()
    (tmp_path / "outer.zip").write_bytes(content)
    (tmp_path / "out").mkdir()
    with pytest.raises(PrepareError, match="more than 4 archives inside each other"):
        unpack(tmp_path / "outer.zip", tmp_path / "out", everything)


@pytest.mark.parametrize("most_bytes", [None, 150_000_000])
def test_a_bomb(tmp_path, most_bytes, monkeypatch):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for number in range(5):
            file.writestr(f"{number}.wav", bytes(50_000_000))
    if most_bytes is not None:
        monkeypatch.setattr("serab.prepare.archives._MOST_EXPANSION", 10**9)
    (tmp_path / "out").mkdir()
    with pytest.raises(PrepareError, match=r"more than 0\.\d GB, where 0\.\d+ GB can't be"):
        unpack(tmp_path / "a.zip", tmp_path / "out", everything, most_bytes)


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("f16-zip-of-windows-explorer/d64.zip", "unpack it with Windows or 7-Zip"),
        ("13-zip-errno22/delete7.zip", "delete7.zip: cut off or damaged .*download it again"),
    ],
)
def test_zips_that_people_have(case, sentence, shared, tmp_path):
    with pytest.raises(PrepareError, match=sentence):
        unpack(shared / "cases" / case, tmp_path, everything)


@pytest.mark.parametrize("seed", range(60))
def test_damage_is_one_sentence(seed, tmp_path):
    """Flips, cuts, zeroed and repeated blocks: unpacked as it was, or refused by name."""
    generator = random.Random(seed)
    names = [f"wav/{number}.wav" for number in range(4)]
    archive = make_zip(tmp_path / "a.zip", *names) if seed % 2 else tmp_path / "a.tar.gz"
    if not seed % 2:
        make_tar(archive, *(member(name) for name in names))
    content = bytearray(archive.read_bytes())
    at = generator.randrange(len(content))
    kind = seed // 2 % 5
    if kind == 0:
        content[at] ^= 1 << generator.randrange(8)
    elif kind == 1:
        del content[at:]
    elif kind == 2:
        del content[at : at + 7]
    elif kind == 3:
        content[at : at + 16] = bytes(16)
    else:
        content[at:at] = content[at : at + 16]
    archive.write_bytes(content)
    (tmp_path / "out").mkdir()
    message = refusal(archive, tmp_path / "out")
    assert message is None or (str(archive) in message and "\n" not in message)
