"""Archives that must not write outside their folder, or hide two files behind one name."""

import io
import tarfile
import warnings
import zipfile

import pytest

from serab.prepare.archives import ArchiveError, check_archive, unpack


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
    with pytest.raises(ArchiveError, match="leads outside"):
        unpack(archive, tmp_path / "x/out", everything)
    assert not list(tmp_path.rglob("evil.wav"))


def test_unwanted_members_are_checked_too(tmp_path):
    archive = make_zip(tmp_path / "a.zip", "../evil.txt")
    (tmp_path / "out").mkdir()
    with pytest.raises(ArchiveError, match="leads outside"):
        unpack(archive, tmp_path / "out", lambda path: False)


def test_zip_link(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        info = zipfile.ZipInfo("wav/link.wav")
        info.external_attr = 0o120777 << 16
        file.writestr(info, "/etc/passwd")
    (tmp_path / "out").mkdir()
    with pytest.raises(ArchiveError, match="a link"):
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
    with pytest.raises(ArchiveError, match="nothing was kept"):
        unpack(archive, tmp_path / "out", everything)
    assert not list(tmp_path.rglob("evil.wav"))


def test_two_files_with_one_name(tmp_path):
    archive = make_zip(tmp_path / "a.zip", "wav/a.wav", "wav/a.wav")
    (tmp_path / "out").mkdir()
    with pytest.raises(ArchiveError, match=r"two files with one name \(wav/a.wav\)"):
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
    with pytest.raises(ArchiveError, match="encrypted"):
        unpack(path, tmp_path / "out", everything)


def test_size_and_checksum(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"hello")
    check_archive(path, size=5, md5="5d41402abc4b2a76b9719d911017c592")
    with pytest.raises(ArchiveError, match=r"half-downloaded, 5 bytes where .* has 9"):
        check_archive(path, size=9)
    with pytest.raises(ArchiveError, match="another file, 5 bytes"):
        check_archive(path, size=4)
    with pytest.raises(ArchiveError, match="its md5 is 5d41402abc4b2a76b9719d911017c592"):
        check_archive(path, md5="0" * 32)


def test_nested_without_end(tmp_path):
    path, name = make_zip(tmp_path / "0.zip", "a.wav"), "0.zip"
    for depth in range(1, 12):
        with zipfile.ZipFile(tmp_path / f"{depth}.zip", "w") as file:
            file.write(path, name)
        path, name = tmp_path / f"{depth}.zip", f"{depth}.zip"
    (tmp_path / "out").mkdir()
    with pytest.raises(ArchiveError, match=r"11\.zip: holds archives in archives"):
        unpack(path, tmp_path / "out", everything)


def test_more_than_the_corpus_has(tmp_path):
    inner = tmp_path / "inner.zip"
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("b.wav", bytes(600_000))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.wav", bytes(600_000))
        file.write(inner, "inner.zip")
    for out in ("small", "large"):
        (tmp_path / out).mkdir()
    with pytest.raises(ArchiveError, match=r"a\.zip: unpacks to more than 1 MB"):
        unpack(tmp_path / "a.zip", tmp_path / "small", everything, most=1_000_000)
    assert len(unpack(tmp_path / "a.zip", tmp_path / "large", everything, most=2_000_000)) == 2


@pytest.mark.parametrize("names", [("wav", "wav/a.wav"), ("wav/a.wav", "wav")])
def test_a_file_and_a_folder_of_one_name(names, tmp_path):
    archive = make_zip(tmp_path / "a.zip", *names)
    (tmp_path / "out").mkdir()
    with pytest.raises(ArchiveError, match="or a file and a folder"):
        unpack(archive, tmp_path / "out", everything)


def test_a_method_that_cannot_be_read(tmp_path):
    path = make_zip(tmp_path / "a.zip", "a.wav")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x03\x04") + 8] = content[content.index(b"PK\x01\x02") + 10] = 9
    path.write_bytes(content)
    (tmp_path / "out").mkdir()
    with pytest.raises(ArchiveError, match=r"Deflate64\); unpack it yourself"):
        unpack(path, tmp_path / "out", everything)


def test_damaged_archives_of_others(shared, tmp_path):
    archive = shared / "cases/13-zip-errno22/delete7.zip"
    with pytest.raises(ArchiveError, match=r"delete7\.zip: cut off or damaged"):
        unpack(archive, tmp_path, everything)
