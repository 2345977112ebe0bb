# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import gzip
import json
import shutil
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import HostError
from ansible_collections.cordon.docker.plugins.module_utils._host import logfiles, logreaders
from ansible_collections.cordon.docker.plugins.module_utils._host.logfiles import (
    LogSource,
    Pattern,
    ScanReport,
    search,
    search_frames,
    tail,
)

ANSWERS = Path(__file__).parents[3] / "fixtures" / "engines"
VERSIONS = sorted(path.name for path in ANSWERS.iterdir())
KEEPS = [("json-file", "rot-json.log", 600), ("local", "locrot-container.log", 900)]


def recorded(version: str, name: str, driver: str = "json-file") -> LogSource:
    return LogSource(driver, logfiles.log_paths(str(ANSWERS / version / name)))


def entry(number: int, text: str, second: float | None = None) -> bytes:
    moment = time.strftime(
        "%Y-%m-%dT%H:%M:%S", time.gmtime(1_000_000 + (number if second is None else second))
    )
    return (
        json.dumps({"log": f"{text} {number}\n", "stream": "stdout", "time": f"{moment}.5Z"}).encode() + b"\n"
    )


def kept(folder: Path, *files: tuple[str, bytes]) -> LogSource:
    for name, content in files:
        (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return LogSource("json-file", logfiles.log_paths(str(folder / "x-json.log")))


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logreaders, "CHUNK_BYTES", 4096)
    monkeypatch.setattr(logreaders, "BLOCK_BYTES", 512)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("driver", "name", "last"), KEEPS)
def test_rotated_files_are_one_log(version: str, driver: str, name: str, last: int) -> None:
    source = recorded(version, name, driver)
    assert [Path(path).suffix for path in source.paths][-1] == ".log"
    assert source.paths[0].endswith(".gz")
    report = ScanReport()
    found = list(search(source, [Pattern.keyword("rot line ")], report=report))
    numbers = [int(line.line.split()[2]) for line in found]
    assert numbers == list(range(last - len(numbers), last))
    assert len(numbers) > 200
    assert [line.number for line in found] == list(range(1, len(found) + 1))
    assert report.lines == len(found) == report.matches
    assert report.files == list(source.paths)
    for count in (1, 7, 150, len(found), 5000):
        assert [line.line for line in tail(source, count)] == [line.line for line in found[-count:]]
    for newest in (1, 100, 5000, 20000, 50000):
        part = [line.line for line in search(source, [Pattern.keyword("rot")], newest_bytes=newest)]
        assert part == [line.line for line in found][len(found) - len(part) :]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_files_and_the_stream_say_the_same(version: str) -> None:
    from ansible_collections.cordon.docker.plugins.module_utils._engine.frames import demultiplex
    from ansible_collections.cordon.docker.plugins.module_utils._host.logformats import stream_record

    for driver, name, stream in (
        ("json-file", "bin-json.log", "logs-bin.bin"),
        ("local", "local-container.log", "logs-local.bin"),
    ):
        frames = demultiplex([(ANSWERS / version / stream).read_bytes()])
        by_engine = [stream_record(frame.data, frame.stream) for frame in frames]
        by_file = [tuple(line[:3]) for line in tail(recorded(version, name, driver), len(by_engine))]
        if driver == "json-file":
            # The file has lost what was no UTF-8, and so has the engine's stream of it.
            assert "\ufffd" in by_engine[0].line
        else:
            assert any("\\xff" in record.line for record in by_engine)
        assert by_file == [tuple(record) for record in by_engine]


@pytest.mark.parametrize("version", VERSIONS)
def test_characters_the_driver_escapes(version: str) -> None:
    source = recorded(version, "bin-json.log")
    for text in ("\t", '"quoted"', "back\\slash", "<tag>", "& amp", "\u2028", "bin \u2028 ls", "<", "&"):
        assert len(list(search(source, [Pattern.keyword(text)]))) == 1, text
    local = recorded(version, "local-container.log", "local")
    assert len(list(search(local, [Pattern.keyword("<jndi> käse")]))) == 300
    assert len(list(search(local, [Pattern.keyword("<")]))) == 300
    assert [line.stream for line in search(local, [Pattern.keyword("oops")])] == ["stderr"]


def test_siblings_in_their_order(tmp_path: Path) -> None:
    for name in (
        "x.log",
        "x.log.1",
        "x.log.2.gz",
        "x.log.2",
        "x.log.10.gz",
        "x.log.bak",
        "x.log.1.tmp",
        "y.log",
    ):
        (tmp_path / name).touch()
    found = [Path(path).name for path in logfiles.log_paths(str(tmp_path / "x.log"))]
    assert found == ["x.log.10.gz", "x.log.2", "x.log.1", "x.log"]
    assert logfiles.log_paths(str(tmp_path / "none" / "x.log")) == ()


def test_a_line_that_is_still_being_written(tmp_path: Path) -> None:
    source = kept(tmp_path, ("x-json.log", entry(1, "a") + entry(2, "a")[:-20]))
    assert [line.line for line in tail(source, 5)] == ["a 1"]
    found = list(search(source, [Pattern.keyword("a ")]))
    assert (found[0].line, found[0].stream) == ("a 1", "stdout")


def test_an_empty_log(tmp_path: Path) -> None:
    source = kept(tmp_path, ("x-json.log", b""))
    assert tail(source, 5) == []
    assert list(search(source, [Pattern.keyword("a")])) == []


def test_no_lines_are_asked_for(tmp_path: Path) -> None:
    assert tail(kept(tmp_path, ("x-json.log", entry(1, "a"))), 0) == []


@pytest.mark.parametrize("compressed", [False, True])
def test_a_window_of_time(tmp_path: Path, compressed: bool) -> None:
    old, new = b"".join(entry(n, "w") for n in range(500)), b"".join(entry(n, "w") for n in range(500, 1000))
    source = kept(tmp_path, ("x-json.log.1.gz" if compressed else "x-json.log.1", old), ("x-json.log", new))
    for since, until in (
        (0, 2e6),
        (1_000_100.5, 1_000_110.4),
        (1_000_495, 1_000_505),
        (1_000_999, None),
        (None, 1_000_003),
    ):
        wanted = [
            f"w {n}"
            for n in range(1000)
            if (since is None or 1_000_000.5 + n >= since) and (until is None or 1_000_000.5 + n <= until)
        ]
        pattern = [Pattern.keyword("w ")]
        assert [line.line for line in search(source, pattern, since=since, until=until)] == wanted
        for count in (1, 3, 100):
            assert [line.line for line in tail(source, count, since=since, until=until)] == wanted[-count:]


def test_since_looks_at_little(tmp_path: Path) -> None:
    source = kept(tmp_path, ("x-json.log", b"".join(entry(n, "w" * 50) for n in range(20000))))
    report = ScanReport()
    found = list(search(source, [Pattern.keyword("w")], since=1_019_998, report=report))
    assert len(found) == 2
    assert found[0].number is None
    assert report.bytes < 10_000
    assert report.truncated is None


def test_files_from_before_are_not_opened_up(tmp_path: Path) -> None:
    source = kept(
        tmp_path,
        ("x-json.log.2.gz", entry(1, "w") * 9),
        ("x-json.log.1.gz", entry(2, "w") + entry(9, "w")),
        ("x-json.log", entry(10, "w")),
    )
    report = ScanReport()
    assert len(list(search(source, [Pattern.keyword("w")], since=1_000_009, report=report))) == 2
    assert report.files == list(source.paths[1:])


def test_bounds_are_told(tmp_path: Path) -> None:
    source = kept(tmp_path, ("x-json.log", b"".join(entry(n, "w") for n in range(1000))))
    report = ScanReport()
    assert len(list(search(source, [Pattern.keyword("w")], max_matches=10, report=report))) == 10
    assert report.truncated == "There are more than 10 matches."
    report = ScanReport()
    assert not list(search(source, [Pattern.keyword("w")], deadline=time.monotonic() - 1, report=report))
    assert "time was up" in (report.truncated or "")
    report = ScanReport()
    list(search(source, [Pattern.keyword("w")], newest_bytes=100, report=report))
    assert "newest 100 bytes" in (report.truncated or "")
    report = ScanReport()
    assert 0 < len(tail(source, 1000, max_bytes=1000, report=report)) < 20
    assert "last 1000 bytes" in (report.truncated or "")
    report = ScanReport()
    assert len(tail(source, 5, report=report)) == 5
    assert report.truncated is None


def test_each_line_once_with_the_first_pattern(tmp_path: Path) -> None:
    source = kept(tmp_path, ("x-json.log", entry(1, "b a") + entry(2, "b") + entry(3, "c")))
    found = list(search(source, [Pattern.keyword("a "), Pattern.keyword("b")]))
    assert [(line.number, line.pattern) for line in found] == [(1, "a "), (2, "b")]


def test_damaged_lines_do_not_end_the_search(tmp_path: Path) -> None:
    damaged = (
        b"\xff\xfe not json x\n" + b'{"log":"x"\n' + b"[" * 2000 + b"\n" + b"\n\n" + b"y" * 20000 + b"\n"
    )
    source = kept(tmp_path, ("x-json.log", entry(1, "x") + damaged + entry(2, "x")))
    found = list(search(source, [Pattern.keyword("x")]))
    assert [line.stream for line in found] == ["stdout", "unknown", "unknown", "stdout"]
    assert found[1].line == "\\xff\\xfe not json x"
    assert found[-1].number == 8
    assert len(tail(source, 100)) == 8


def test_memory_does_not_grow_with_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logreaders, "CHUNK_BYTES", 1 << 16)
    with (tmp_path / "x-json.log").open("wb") as file:
        for _dummy in range(20):
            file.write(b"".join(entry(n, "w" * 100) for n in range(5000)))
        file.write(b"z" * (8 << 20))
    source = LogSource("json-file", (str(tmp_path / "x-json.log"),))
    tracemalloc.start()
    assert list(search(source, [Pattern.keyword("jndi", ignore_case=True), Pattern.regex("a.*needle")])) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 << 20


def test_what_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "x-json.log.1.gz").write_bytes(gzip.compress(entry(1, "a") * 500)[:-100])
    source = LogSource("json-file", (str(tmp_path / "x-json.log.1.gz"),))
    with pytest.raises(HostError, match="cannot be read"):
        list(search(source, [Pattern.keyword("a")]))
    (tmp_path / "link-json.log").symlink_to("/etc/passwd")
    with pytest.raises(HostError, match="cannot be read"):
        tail(LogSource("json-file", (str(tmp_path / "link-json.log"),)), 5)
    (tmp_path / "container.log").write_bytes(b"\0\0\0\xff" * 3_000_00)
    with pytest.raises(HostError, match="damaged after"):
        tail(LogSource("local", (str(tmp_path / "container.log"),)), 5)
    with pytest.raises(HostError, match="none"):
        tail(LogSource("json-file", (str(tmp_path / "none"),)), 5)


def inspect(folder: Path, **given: Any) -> dict[str, Any]:
    container = "c" * 64
    base = folder / container
    document = {
        "Id": container,
        "LogPath": str(base / f"{container}-json.log"),
        "ResolvConfPath": str(base / "resolv.conf"),
        "HostConfig": {"LogConfig": {"Type": "json-file"}},
    }
    return dict(document, **given)


def test_which_logs_can_be_read_here(tmp_path: Path) -> None:
    container = "c" * 64
    folder = tmp_path / container
    (folder / "local-logs").mkdir(parents=True)
    assert logfiles.readable(inspect(tmp_path)) is None
    (folder / f"{container}-json.log").touch()
    source = logfiles.readable(inspect(tmp_path))
    assert source is not None
    assert source.paths == (str(folder / f"{container}-json.log"),)
    local = {"HostConfig": {"LogConfig": {"Type": "local"}}, "LogPath": ""}
    assert logfiles.readable(inspect(tmp_path, **local)) is None
    (folder / "local-logs" / "container.log").touch()
    assert logfiles.readable(inspect(tmp_path, **local)) is not None
    for hostile in ("/etc/passwd", f"/{container}/../../etc/passwd", "", None, 3):
        assert logfiles.readable(inspect(tmp_path, LogPath=hostile, ResolvConfPath="")) is None
    for driver in ("none", "syslog", None, 3):
        assert logfiles.readable(inspect(tmp_path, HostConfig={"LogConfig": {"Type": driver}})) is None
    shutil.move(str(folder / f"{container}-json.log"), str(tmp_path / "elsewhere"))
    (folder / f"{container}-json.log").symlink_to(tmp_path / "elsewhere")
    assert logfiles.readable(inspect(tmp_path)) is None


def test_frames_of_the_engine() -> None:
    frames = [("stdout", b"2026-02-03T04:05:06Z one\n"), ("stderr", b"2026-02-03T04:05:07Z two jndi\n")]
    report = ScanReport()
    (found,) = search_frames(frames, [Pattern.keyword("jndi")], report=report)
    assert found == ("2026-02-03T04:05:07Z", "stderr", "two jndi", 2, "jndi")
    assert (report.lines, report.matches, report.bytes) == (2, 1, 55)
    assert not list(search_frames(frames, [Pattern.keyword("jndi")], deadline=0, report=report))
    assert "time was up" in (report.truncated or "")
