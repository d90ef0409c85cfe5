"""Files are whole or not there, also when there is no room."""

import errno
import resource

import pytest

from datamodules.files import write_whole


def test_written_and_replaced(tmp_path):
    path = tmp_path / "new" / "file"
    assert write_whole(path, "ä").read_bytes() == "ä".encode()
    assert write_whole(path, b"two").read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_no_room_leaves_what_was_there(tmp_path):
    """The kernel itself refuses more than 100 kB here, as it does on a full disk."""
    path = write_whole(tmp_path / "file", b"before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="make room or choose another folder") as error:
            write_whole(path, b"x" * 1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert error.value.errno == errno.EFBIG
    assert str(path) in str(error.value)
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="can't be written") as error:
        write_whole(tmp_path / "file" / "below", "x")
    assert "below" in str(error.value)
