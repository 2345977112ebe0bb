# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever is altered in a case is found, and nothing else is."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.cordon.docker.plugins.plugin_utils._case import custody, hosts
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case.seal import seal
from ansible_collections.cordon.docker.plugins.plugin_utils._case.signing import Signer
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.case import verify
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.results import (
    ALL_HOLDS,
    SOME_BROKEN,
    SOME_OPEN,
    Check,
    exit_code,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.seals import Trust
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._verify.sealed_case import (
    STARTED,
    add_bag,
    new_case,
    new_key,
)

PACKAGE = Path(__file__).parents[5] / "plugins" / "plugin_utils" / "_verify"
NOBODY = Trust()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Sealed twice and signed twice."""
    folder = tmp_path_factory.mktemp("original")
    signer = Signer.of(new_key(folder))
    case = new_case(folder / "evidence")
    seal(case.path, signer)
    add_bag(case, "web1", STARTED + 60)
    seal(case.path, signer)
    return case


@pytest.fixture
def case(original: Case, tmp_path: Path) -> Case:
    """A copy of one's own."""
    return Case(Path(shutil.copytree(original.path, tmp_path / original.name)))


def broken(case: Case, trust: Trust = NOBODY) -> list[Check]:
    return [check for check in verify(case.path, trust) if check.state == "DOES NOT HOLD"]


def every_file(case: Case) -> list[str]:
    return sorted(str(path.relative_to(case.path)) for path in case.path.rglob("*") if path.is_file())


def test_an_untouched_case_holds(case: Case) -> None:
    checks = verify(case.path, NOBODY)
    assert exit_code(checks) == ALL_HOLDS
    assert {check.subject: check.state for check in checks} == {
        "custody.jsonl": "holds",
        "earlier seals": "holds",
        "seal 2": "holds",
        "signature 2": "holds",
        "time stamp 2": "none",
        "other files": "holds",
        "bags": "holds",
    }


def test_any_byte_of_any_file_counts(case: Case, original: Case) -> None:
    names = [name for name in every_file(original) if (original.path / name).stat().st_size]

    @settings(deadline=None, max_examples=250, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def flipped(data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(names))
        whole = (original.path / name).read_bytes()
        position = data.draw(st.integers(0, len(whole) - 1))
        byte = data.draw(st.integers(0, 255).filter(lambda value: value != whole[position]))
        (case.path / name).write_bytes(whole[:position] + bytes((byte,)) + whole[position + 1 :])
        try:
            assert exit_code(verify(case.path, NOBODY)) == SOME_BROKEN, (name, position)
        finally:
            (case.path / name).write_bytes(whole)

    flipped()
    assert exit_code(verify(case.path, NOBODY)) == ALL_HOLDS


ALTERATIONS: dict[str, Callable[[bytes], bytes]] = {
    "first byte": lambda whole: bytes((whole[0] ^ 1,)) + whole[1:],
    "last byte": lambda whole: whole[:-1] + bytes((whole[-1] ^ 1,)),
    "one byte more": lambda whole: whole + b"\n",
    "one byte less": lambda whole: whole[:-1],
    "emptied": lambda whole: whole[:0],
}


@pytest.mark.parametrize("how", ALTERATIONS)
def test_every_file_altered_in_turn_is_found(case: Case, how: str) -> None:
    for name in every_file(case):
        whole = (case.path / name).read_bytes()
        if not whole:
            continue
        (case.path / name).write_bytes(ALTERATIONS[how](whole))
        assert exit_code(verify(case.path, NOBODY)) == SOME_BROKEN, name
        (case.path / name).write_bytes(whole)
    assert broken(case) == []


def test_every_file_taken_away_in_turn_is_found(case: Case) -> None:
    for name in every_file(case):
        if name == ".closing":
            continue
        path, aside = case.path / name, case.path.parent / "aside"
        path.rename(aside)
        assert exit_code(verify(case.path, NOBODY)) == SOME_BROKEN, name
        aside.rename(path)
    assert broken(case) == []


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "web1/notes.txt",
        "web1/20260102T120000Z-triage/notes.txt",
        "web1/20260102T120000Z-triage/data/notes.txt",
        "web1/20260102T120000Z-triage/data/containers/0123456789ab/notes.txt",
        "seals/3.sha256",
        "seals/2.tsr",
        "seals/x",
        "new/bag/data/x",
        "records/web1/0123456789cd.json",
    ],
)
def test_a_file_added_anywhere_is_found(case: Case, name: str) -> None:
    (case.path / name).parent.mkdir(parents=True, exist_ok=True)
    (case.path / name).write_bytes(b"x\n")
    assert exit_code(verify(case.path, NOBODY)) == SOME_BROKEN


def test_a_link_in_place_of_a_file_is_found(case: Case, tmp_path: Path) -> None:
    for name in (
        ".",
        "web1/20260102T120000Z-triage/data/host.json",
        "hosts.jsonl",
        "seals/2.sig",
        "custody.jsonl",
    ):
        path = case.path / name
        if path.is_dir():
            continue
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
        assert broken(case), name
        path.unlink()
        (tmp_path / "elsewhere").rename(path)
    assert broken(case) == []


def test_a_bag_that_was_added_moved_or_taken_away_is_found(case: Case) -> None:
    bag = case.path / "web1" / "20260102T120000Z-triage"
    shutil.copytree(bag, case.path / "web1" / "20260102T120000Z-triage-2")
    assert [row.subject for row in broken(case)] == ["web1/20260102T120000Z-triage-2"]
    shutil.rmtree(case.path / "web1" / "20260102T120000Z-triage-2")
    bag.rename(case.path / "app2" / bag.name)
    assert {row.subject for row in broken(case)} == {f"web1/{bag.name}", f"app2/{bag.name}"}


def test_two_bags_that_changed_places_are_found(case: Case, tmp_path: Path) -> None:
    one, other = (case.path / host / stamp for host, stamp in _TWO)
    one.rename(tmp_path / "aside")
    other.rename(one)
    (tmp_path / "aside").rename(other)
    assert {row.subject for row in broken(case)} == {f"{host}/{stamp}" for host, stamp in _TWO}


_TWO = (("web1", "20260102T120000Z-triage"), ("app2", "20260102T120001Z-triage"))


def test_a_bag_made_anew_with_manifests_that_agree_is_found(case: Case) -> None:
    """Whoever changes evidence can write its manifests as well; the custody log has their hash."""
    bag = case.path / "web1" / "20260102T120000Z-triage"
    (bag / "data" / "host.json").write_bytes(b'{"hostname":"other"}\n')
    for manifest, listed in (
        ("manifest-sha256.txt", "data/host.json"),
        ("tagmanifest-sha256.txt", "manifest-sha256.txt"),
    ):
        lines = (bag / manifest).read_text().splitlines()
        digest = hashlib.sha256((bag / listed).read_bytes()).hexdigest()
        lines = [f"{digest}  {listed}" if line.endswith(f"  {listed}") else line for line in lines]
        (bag / manifest).write_text("".join(f"{line}\n" for line in lines))
    sentences = [row.sentence for row in broken(case)]
    assert any("not the one that the custody log sealed" in sentence for sentence in sentences)
    assert any("outcomes.jsonl names host.json" in sentence for sentence in sentences)


def lines(case: Case) -> list[bytes]:
    return (case.path / "custody.jsonl").read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("gone", range(7))
def test_a_custody_line_taken_out_is_found(case: Case, gone: int) -> None:
    kept = lines(case)
    del kept[gone]
    (case.path / "custody.jsonl").write_bytes(b"".join(kept))
    assert any(row.subject in ("custody.jsonl", "seal 2") for row in broken(case))


@pytest.mark.parametrize("at", range(6))
def test_two_custody_lines_in_another_order_are_found(case: Case, at: int) -> None:
    kept = lines(case)
    kept[at : at + 2] = reversed(kept[at : at + 2])
    (case.path / "custody.jsonl").write_bytes(b"".join(kept))
    assert any(row.subject == "custody.jsonl" for row in broken(case))


@pytest.mark.parametrize("left", range(1, 7))
def test_an_end_cut_off_is_found_by_the_seal_that_stays(case: Case, left: int) -> None:
    (case.path / "custody.jsonl").write_bytes(b"".join(lines(case)[:left]))
    assert any("cut off" in row.sentence for row in broken(case))


def test_a_chain_made_anew_is_found_by_the_signature(case: Case) -> None:
    """All hashes agree again, and the signer did not sign it."""
    previous, forged = "0" * 64, b""
    for line in lines(case):
        row = {**json.loads(line), "actor": "mallory@bastion", "previous": previous}
        written = json.dumps(row).encode() + b"\n"
        previous = hashlib.sha256(written).hexdigest()
        forged += written
        for number in (1, 2):
            if row["action"] == "case sealed" and row["after"]["seal"] == number:
                signature = hashlib.sha256((case.path / f"seals/{number}.sig").read_bytes()).hexdigest()
                told = (
                    f"{hashlib.sha256(forged).hexdigest()}  custody.jsonl\n{signature}  seals/{number}.sig\n"
                )
                (case.path / f"seals/{number}.sha256").write_text(told)
    (case.path / "custody.jsonl").write_bytes(forged)
    assert {row.subject for row in broken(case)} >= {"signature 2"}


def test_a_signature_by_somebody_else_does_not_count(case: Case, tmp_path: Path) -> None:
    other = Signer.of(new_key(tmp_path, "other"))
    allowed = tmp_path / "allowed"
    allowed.write_text(f'{other.principal} namespaces="cordon.docker" {other.key}\n')
    assert [row.subject for row in broken(case, Trust(signers=allowed))] == ["signature 1", "signature 2"]
    seal(case.path)
    assert "should be by one of your allowed_signers" in broken(case, Trust(signers=allowed))[-1].sentence


def test_a_case_put_back_to_an_earlier_state_is_found_by_who_noted_its_seal_down(case: Case) -> None:
    newest = hashlib.sha256(b"".join(lines(case))).hexdigest()
    assert broken(case, Trust(expected=newest)) == []
    kept = lines(case)[:5]
    assert b'"seal":1' in kept[-1]
    (case.path / "custody.jsonl").write_bytes(b"".join(kept))
    for name in ("seals/2.files", "seals/2.sig", "seals/2.sha256"):
        (case.path / name).unlink()
    shutil.rmtree(case.path / "web1" / "20260102T120100Z-triage")
    assert broken(case) == []
    assert [row.subject for row in broken(case, Trust(expected=newest))] == ["expected seal"]


def test_what_a_run_under_way_adds_is_told_apart(case: Case) -> None:
    custody.record(case.path, [custody.Event("run started")])
    hosts.add(case.path, [hosts.HostRow("r2", "t", "triage", "web1", hosts.ASKED)])
    (case.path / "records" / "web1" / "0123456789ab.json").unlink()
    checks = verify(case.path, NOBODY)
    assert exit_code(checks) == SOME_OPEN
    assert [check.subject for check in checks if check.state == "not sealed yet"] == [
        "after the seal",
        "other files",
    ]
    (case.path / "hosts.jsonl").write_bytes(
        (case.path / "hosts.jsonl").read_bytes().replace(b"web1", b"web2", 1)
    )
    assert exit_code(verify(case.path, NOBODY)) == SOME_BROKEN


def test_a_seal_that_a_kill_left_unfinished_is_told_and_healed_by_the_next(case: Case) -> None:
    (case.path / "seals" / "2.sha256").unlink()
    (case.path / "seals" / "2.sig").unlink()
    assert "killed" in broken(case)[0].sentence
    seal(case.path)
    assert broken(case) == []


def test_a_case_that_no_seal_was_made_for(tmp_path: Path) -> None:
    checks = verify(new_case(tmp_path).path, NOBODY)
    assert exit_code(checks) == SOME_OPEN


def test_names_that_would_fool_a_terminal_are_shown_plainly(case: Case) -> None:
    (case.path / "a\x1b[2J\nb\u202e").write_bytes(b"x")
    (case.path / "web1" / "20260102T120000Z-triage" / "c\x1b[2J").write_bytes(b"x")
    shown = " ".join(f"{row.subject} {row.sentence}" for row in broken(case))
    assert shown.isascii()
    assert shown.isprintable()
    seal(case.path)
    assert not any("a\\x1b" in row.sentence for row in broken(case))


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    # Isolated and without site-packages: nothing but the standard library is there.
    return subprocess.run(
        [sys.executable, "-I", "-S", *words], capture_output=True, text=True, check=False, cwd="/"
    )


def test_the_command_works_without_ansible(case: Case, tmp_path: Path) -> None:
    done = _run(str(PACKAGE), str(case.path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "All that was checked holds." in done.stdout
    archive = tmp_path / "verify.pyz"
    subprocess.run([sys.executable, "-m", "zipapp", str(PACKAGE), "-o", str(archive)], check=True)
    (case.path / "hosts.jsonl").write_bytes(b"")
    done = _run(str(archive), str(case.path), "--json")
    assert done.returncode == 1
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["subject"] for row in rows if row["state"] == "DOES NOT HOLD"] == ["other files"]
    assert _run(str(PACKAGE), str(tmp_path / "nowhere")).returncode == 2


def test_names_that_no_file_can_have_are_a_row(case: Case) -> None:
    """Such as one byte that was altered can make: found at random, kept here."""
    for name in ("seals/2.files", "web1/20260102T120000Z-triage/manifest-sha256.txt"):
        path = case.path / name
        whole = path.read_bytes()
        path.write_bytes(whole[:66] + b"\0" + whole[67:])
        assert broken(case), name
        path.write_bytes(whole)


@pytest.mark.parametrize("number", ["0", "-1", "true", "1e3", "10" * 200, '"../x"', "{}"])
def test_seal_numbers_that_are_none_are_no_crash(case: Case, number: str) -> None:
    whole = (case.path / "custody.jsonl").read_bytes()
    (case.path / "custody.jsonl").write_bytes(whole.replace(b'"seal":2', b'"seal":' + number.encode()))
    assert broken(case)
