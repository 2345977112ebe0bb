# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run ends with when it is asked to sign, to have it stamped, to encrypt, to store; against real parts."""

from __future__ import annotations

import http.server
import io
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import bagit
import pyrage
import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError, InvalidOption
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case.sealing import Ending, Sealing, finish
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.case import verify
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.results import BROKEN, UNCHECKED
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.seals import Trust
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._verify.sealed_case import (
    STARTED,
    add_bag,
    new_case,
    new_key,
)

RCLONE = Path(sys.executable).with_name("rclone")


def ended(case: Case, **asked: object) -> Ending:
    ending = Ending()
    finish(case, asked, ending)
    return ending


def states(case: Case, trust: Trust | None = None) -> dict[str, str]:
    return {check.subject: check.state for check in verify(case.path, trust or Trust())}


def broken(case: Case, trust: Trust | None = None) -> list[str]:
    return [subject for subject, state in states(case, trust).items() if state == BROKEN]


def test_a_run_that_asks_for_nothing_is_sealed_all_the_same(tmp_path: Path) -> None:
    case = new_case(tmp_path)
    ending = ended(case)
    assert ending.faults == ()
    assert ending.seal is not None
    assert ending.seal.sha256 in ending.told
    assert broken(case) == []


def test_the_signature_is_one_that_ssh_keygen_takes(tmp_path: Path) -> None:
    case = new_case(tmp_path)
    assert ended(case, sign_key=str(new_key(tmp_path))).faults == ()
    signers = case.path / "allowed_signers"
    principal = signers.read_text().split()[0]
    log = (case.path / "custody.jsonl").read_bytes()
    command = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", principal, "-n", "cordon.docker"]
    command += ["-s", str(case.path / "seals" / "1.sig")]
    assert subprocess.run(command, input=log, check=False, capture_output=True).returncode == 0
    assert subprocess.run(command, input=log[:-1], check=False, capture_output=True).returncode != 0


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"sign_key": "/nowhere/key"}, "is no file"),
        ({"timestamp_url": "ftp://x"}, "no address"),
        ({"encrypt_to": ["age1nonsense"]}, "no public key"),
        ({"encrypt_to": ["/nowhere/keys"]}, "no file that can be read"),
        ({"evidence_store": "https://bucket"}, "is no store"),
        ({"evidence_store": "s3://bucket/../other"}, "is no store"),
    ],
)
def test_what_would_fail_at_the_end_is_said_at_the_beginning(asked: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidOption, match=said):
        Sealing.of(asked)


def test_encrypted_bags_hold_what_they_held(tmp_path: Path) -> None:
    case, key = new_case(tmp_path), pyrage.x25519.Identity.generate()
    identity = tmp_path / "identity"
    identity.write_text(f"# a key\n{key}\n")
    assert ended(case, encrypt_to=[str(key.to_public())]).faults == ()
    archives = sorted(case.path.glob("*/*.age"))
    assert len(archives) == 2
    assert not list(case.path.glob("*/*/bagit.txt"))
    assert broken(case) == []
    assert UNCHECKED in states(case).values()
    with_key = states(case, Trust(identity=identity))
    assert BROKEN not in with_key.values()
    assert UNCHECKED not in {
        with_key[subject] for subject in with_key if subject.startswith(("web1", "app2"))
    }
    # By the library alone, as anybody would with `age --decrypt | tar x`.
    opened = tmp_path / "opened"
    with tarfile.open(fileobj=io.BytesIO(pyrage.decrypt(archives[0].read_bytes(), [key]))) as archive:
        archive.extractall(opened, filter="data")
    assert bagit.Bag(str(next(opened.iterdir()))).is_valid()


@pytest.mark.parametrize("at", [0, 200, -1])
def test_an_encrypted_bag_that_was_altered_is_found_without_the_key(tmp_path: Path, at: int) -> None:
    case, key = new_case(tmp_path), pyrage.x25519.Identity.generate()
    ended(case, encrypt_to=[str(key.to_public())])
    archive = min(case.path.glob("*/*.age"))
    content = bytearray(archive.read_bytes())
    content[at] ^= 1
    archive.write_bytes(content)
    assert broken(case) == [str(archive.relative_to(case.path)).removesuffix(".tar.age")]


def test_a_bag_that_does_not_hold_is_not_hidden_by_encryption(tmp_path: Path) -> None:
    case, key = new_case(tmp_path), pyrage.x25519.Identity.generate()
    bags = sorted(path.parent for path in case.path.glob("*/*/bagit.txt"))
    next((bags[0] / "data").glob("*.json")).write_bytes(b"another")
    ending = ended(case, encrypt_to=[str(key.to_public())])
    assert "does not hold" in ending.told
    assert (bags[0] / "bagit.txt").exists()


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A time stamp authority on loopback: openssl ts behind a few lines of HTTP. Its address, and its certificate."""
    home = tmp_path / "authority"
    home.mkdir()
    (home / "ts.cnf").write_text(
        f"[req]\ndistinguished_name=dn\n[dn]\n[ext]\nextendedKeyUsage=critical,timeStamping\n"
        f"basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n[tsa]\ndefault_tsa=own\n[own]\n"
        f"dir={home}\nserial=$dir/serial\ndefault_policy=1.2.3.4.1\ndigests=sha256\nsigner_digest=sha256\n"
    )
    (home / "serial").write_text("01\n")
    cert, key = home / "tsa.pem", home / "tsa.key"
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        str(key),
        "-out",
        str(cert),
    ]
    make += ["-days", "2", "-subj", "/CN=tsa", "-config", str(home / "ts.cnf"), "-extensions", "ext"]
    subprocess.run(make, check=True, capture_output=True)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (home / "q.tsq").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            reply = [
                "openssl",
                "ts",
                "-reply",
                "-config",
                str(home / "ts.cnf"),
                "-queryfile",
                str(home / "q.tsq"),
            ]
            reply += ["-signer", str(cert), "-inkey", str(key), "-out", str(home / "r.tsr")]
            subprocess.run(reply, check=True, capture_output=True)
            answer = (home / "r.tsr").read_bytes()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_words: object) -> None:
            """Nothing: pytest's output is for failures."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", cert
    server.shutdown()


def test_a_time_stamp_holds_offline(tmp_path: Path, authority: tuple[str, Path]) -> None:
    url, certificate = authority
    case = new_case(tmp_path)
    ending = ended(case, timestamp_url=url, sign_key=str(new_key(tmp_path)))
    assert ending.faults == ()
    assert ending.seal is not None
    assert ending.seal.stamped
    found = states(case, Trust(authorities=certificate))
    assert [state for subject, state in found.items() if subject.startswith("time stamp")] == ["holds"]
    other = new_case(tmp_path, "INC-8")
    ended(other, timestamp_url=url)
    (case.path / "seals" / "1.tsr").write_bytes((other.path / "seals" / "1.tsr").read_bytes())
    assert any(subject.startswith("time stamp") for subject in broken(case, Trust(authorities=certificate)))


def test_an_authority_that_is_away_keeps_nothing_from_being_sealed(tmp_path: Path) -> None:
    case = new_case(tmp_path)
    ending = ended(case, timestamp_url="http://127.0.0.1:9/")
    assert ending.seal is not None
    assert "could not be asked for a time stamp" in ending.told
    # The log says that one was asked for: its absence looks like its removal, and is not passed over.
    assert broken(case) == ["time stamp 1"]


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket on an S3 server of rclone's on loopback, which checks signatures."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    served = tmp_path / "s3"
    (served / "cases").mkdir(parents=True)
    server = subprocess.Popen(
        [RCLONE, "serve", "s3", str(served), "--addr", f"127.0.0.1:{port}", "--auth-key", "ada,secret"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for name, value in {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "ada",
        "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1",
        "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    for _dummy in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield "s3://cases/team"
    server.kill()
    server.wait()


def test_two_controllers_share_a_case(tmp_path: Path, bucket: str) -> None:
    ada, bob = new_case(tmp_path / "ada"), Case.open(tmp_path / "bob", "INC-7", STARTED)
    own = add_bag(bob, "db3", STARTED)
    for case in (ada, bob):
        ending = ended(case, evidence_store=bucket)
        assert ending.faults == ()
    asked = Sealing.of({"evidence_store": bucket})
    assert asked.store is not None
    assert asked.store.fetch(bob.path) == 2
    assert asked.store.fetch(bob.path) == 0
    assert asked.store.fetch(ada.path) == 1
    for case in (ada, bob):
        assert ended(case, evidence_store=bucket).faults == ()
        assert broken(case) == []
        assert {path.parent.parent.name for path in case.path.glob("*/*/bagit.txt")} == {
            "web1",
            "app2",
            "db3",
        }
    # Nothing of one's own was overwritten by what came.
    assert (bob.path / own / "bagit.txt").exists()


def test_what_was_altered_in_the_store_does_not_come_in(tmp_path: Path, bucket: str) -> None:
    ada, bob = new_case(tmp_path / "ada"), Case.open(tmp_path / "bob", "INC-7", STARTED)
    ended(ada, evidence_store=bucket)
    victim = next((tmp_path / "s3").rglob("inspect.json"))
    victim.write_bytes(b"X" * victim.stat().st_size)
    asked = Sealing.of({"evidence_store": bucket})
    assert asked.store is not None
    with pytest.raises(CordonError, match="does not hold in the store"):
        asked.store.fetch(bob.path)
    assert broken(bob) == []


def test_a_store_that_is_away_is_a_sentence_and_the_case_is_sealed(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    case = new_case(tmp_path)
    ending = ended(case, evidence_store=bucket)
    assert ending.seal is not None
    assert "s3://cases cannot be written to" in ending.told
