"""Archives that must not write outside their folder, or hide two files behind one name."""

import io
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
    with pytest.raises(PrepareError, match=r"two files with one name \(wav/a.wav\)"):
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
