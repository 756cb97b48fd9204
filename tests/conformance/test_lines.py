"""LineLog on its fake and on files; and what only files can get into."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.adapters.files.lines import FileLineLog
from bridge.adapters.memory.lines import MemoryLineLog
from bridge.errors import ConfigError, UnavailableError
from bridge.ports.transcripts import LineLog
from tests.conformance.lines import LineLogContract


class TestMemory(LineLogContract):
    @pytest.fixture
    def lines(self) -> LineLog:
        return MemoryLineLog()


class TestFile(LineLogContract):
    @pytest.fixture
    def lines(self, tmp_path: Path) -> Iterator[LineLog]:
        log = FileLineLog(tmp_path / "log")
        yield log
        log.close()


def test_a_log_that_is_opened_again_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for line in ("one", "two"):
        log = FileLineLog(path)
        log.append(line)
        log.close()
    log = FileLineLog(path)
    assert log.last() == "two"
    assert path.read_text() == "one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600
    log.close()


@pytest.mark.parametrize("whole", ["", "one\n", "one\n" + "x" * 200_000 + "\n"])
def test_a_line_that_a_crash_left_torn_is_cut_off(tmp_path: Path, whole: str) -> None:
    path = tmp_path / "log"
    path.write_text(whole + "y" * 100_000)
    log = FileLineLog(path)
    assert path.read_text() == whole
    assert log.last() == (whole.splitlines()[-1] if whole else None)
    log.close()


def test_a_log_takes_a_bounded_amount_of_disk_and_keeps_the_newest(tmp_path: Path) -> None:
    log = FileLineLog(tmp_path / "log", file_len_max=10, files_max=3)
    for number in range(100, 120):
        log.append(str(number))
    files = [tmp_path / name for name in ("log.2", "log.1", "log")]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert [path.read_text().split() for path in files] == [["114", "115"], ["116", "117"], ["118", "119"]]
    log.close()


def test_a_line_longer_than_a_file_may_be_is_kept_by_itself(tmp_path: Path) -> None:
    log = FileLineLog(tmp_path / "log", file_len_max=10)
    log.append("x" * 50)
    log.append("one")
    assert (tmp_path / "log.1").read_text() == "x" * 50 + "\n"
    assert (tmp_path / "log").read_text() == "one\n"
    log.close()


def test_the_last_line_is_found_right_after_a_rotation_that_a_crash_cut_short(tmp_path: Path) -> None:
    (tmp_path / "log.1").write_text("one\n")
    log = FileLineLog(tmp_path / "log")
    assert log.last() == "one"
    log.close()


def test_two_writers_of_one_log_are_refused(tmp_path: Path) -> None:
    log = FileLineLog(tmp_path / "log")
    with pytest.raises(ConfigError, match="a file of its own"):
        FileLineLog(tmp_path / "log")
    log.close()


def test_a_path_that_can_not_be_written_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="see to its disk"):
        FileLineLog(tmp_path / "missing" / "log")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnavailableError, match="see to its disk"):
        FileLineLog(tmp_path / "link")


def test_a_full_disk_is_told_and_leaves_no_torn_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, write = tmp_path / "log", os.write
    log = FileLineLog(path)
    log.append("one")
    with monkeypatch.context() as full:
        full.setattr("os.write", lambda file, data: write(file, data[:2]))
        with pytest.raises(UnavailableError, match="free some space"):
            log.append("two")
    log.append("three")
    assert path.read_text() == "one\nthree\n"
    assert log.last() == "three"
    log.close()


def test_a_rotation_that_fails_is_tried_again(tmp_path: Path) -> None:
    log = FileLineLog(tmp_path / "log", file_len_max=6, files_max=2)
    log.append("one")
    (tmp_path / "log.1").mkdir()
    with pytest.raises(UnavailableError):
        log.append("two")
    (tmp_path / "log.1").rmdir()
    log.append("three")
    assert (tmp_path / "log.1").read_text() == "one\n"
    assert log.last() == "three"
    log.close()
