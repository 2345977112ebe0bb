# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Seals under less kind circumstances: keys in an agent, other authorities and lying ones, bytes that flip."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pyrage
import pytest

from ansible_collections.cordon.docker.plugins.module_utils._errors import CordonError
from ansible_collections.cordon.docker.plugins.plugin_utils._case.case import Case
from ansible_collections.cordon.docker.plugins.plugin_utils._case.encryption import Recipients, encrypt_bags
from ansible_collections.cordon.docker.plugins.plugin_utils._case.seal import seal
from ansible_collections.cordon.docker.plugins.plugin_utils._case.sealing import Ending, finish
from ansible_collections.cordon.docker.plugins.plugin_utils._case.signing import Signer
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.case import verify
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.results import exit_code
from ansible_collections.cordon.docker.plugins.plugin_utils._verify.seals import Trust
from ansible_collections.cordon.docker.tests.unit.plugins.plugin_utils._verify.sealed_case import (
    new_case,
    new_key,
)

NOBODY = Trust()


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return new_case(tmp_path / "evidence")


def states(case: Case, trust: Trust = NOBODY) -> dict[str, str]:
    return {check.subject: check.state for check in verify(case.path, trust)}


def test_a_key_in_an_agent_signs_by_its_public_half(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = new_key(tmp_path)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", str(key)], check=True)
    key.with_name("plain").write_bytes(key.read_bytes())
    key.with_name("plain").chmod(0o600)
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-P", "secret", "-N", "", "-f", str(tmp_path / "plain")], check=True
    )
    with pytest.raises(CordonError, match="ssh-add it"):
        Signer.of(key).try_out()
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(tmp_path / "agent")], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        for _attempt in range(50):
            if (
                subprocess.run(
                    ["ssh-add", "-q", str(tmp_path / "plain")], capture_output=True, check=False
                ).returncode
                == 0
            ):
                break
            threading.Event().wait(0.1)
        key.unlink()
        seal(case.path, Signer.of(Path(f"{key}.pub")))
    finally:
        agent.terminate()
        agent.wait()
    assert states(case)["signature 1"] == "holds"


class Authority:
    """A time stamp authority of openssl's behind a small HTTP server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificate = folder / "tsa.pem"
        self.lies = False
        (folder / "tsa.cnf").write_text(_CONFIG)
        (folder / "serial").write_text("01\n")
        self._openssl(
            "req",
            "-x509",
            "-config",
            "tsa.cnf",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "tsa.key",
            "-out",
            "tsa.pem",
            "-days",
            "2",
            "-subj",
            "/CN=Test TSA",
        )
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                question = self.rfile.read(int(self.headers["Content-Length"]))
                answer = outer.answer(question)
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_words: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, question: bytes) -> bytes:
        (self.folder / "question").write_bytes(question)
        if self.lies:
            (self.folder / "other").write_bytes(b"something else")
            self._openssl("ts", "-query", "-data", "other", "-sha256", "-cert", "-out", "question")
        self._openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "question", "-out", "answer")
        return (self.folder / "answer").read_bytes()

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)


_CONFIG = """
[req]
distinguished_name = name
x509_extensions = extensions
[name]
[extensions]
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
basicConstraints = critical, CA:FALSE
[tsa]
default_tsa = one
[one]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    folder = tmp_path / "tsa"
    folder.mkdir()
    found = Authority(folder)
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.mark.parametrize("signed", [True, False])
def test_a_time_stamp_is_checked_offline(
    case: Case, tmp_path: Path, authority: Authority, signed: bool
) -> None:
    done = seal(case.path, Signer.of(new_key(tmp_path)) if signed else None, authority.url)
    assert (done.stamped, done.fault) == (True, None)
    authority.server.shutdown()
    assert states(case)["time stamp 1"] == "not checked"
    assert states(case, Trust(authorities=authority.certificate))["time stamp 1"] == "holds"
    data = case.path / ("seals/1.sig" if signed else "custody.jsonl")
    words = [
        "-verify",
        "-in",
        str(case.path / "seals/1.tsr"),
        "-data",
        str(data),
        "-CAfile",
        str(authority.certificate),
    ]
    subprocess.run(["openssl", "ts", *words], check=True, capture_output=True)
    whole = (case.path / "seals/1.tsr").read_bytes()
    for position in range(0, len(whole), 97):
        (case.path / "seals/1.tsr").write_bytes(
            whole[:position] + bytes((whole[position] ^ 1,)) + whole[position + 1 :]
        )
        assert exit_code(verify(case.path, NOBODY)) == 1, position


def test_another_authority_does_not_count(case: Case, tmp_path: Path, authority: Authority) -> None:
    seal(case.path, None, authority.url)
    (tmp_path / "second").mkdir()
    other = Authority(tmp_path / "second")
    other.server.shutdown()
    assert states(case, Trust(authorities=other.certificate))["time stamp 1"] == "DOES NOT HOLD"


def test_a_server_that_is_away_or_lies_keeps_nothing_from_being_sealed(
    case: Case, authority: Authority
) -> None:
    authority.lies = True
    done = seal(case.path, None, authority.url)
    assert "something else than what it was asked" in str(done.fault)
    ending = Ending()
    finish(case, {"timestamp_url": "http://127.0.0.1:1/"}, ending)
    assert "There is no time stamp" in ending.told
    assert states(case)["seal 2"] == "holds"
    assert states(case)["time stamp 2"] == "DOES NOT HOLD"
    seal(case.path)
    assert exit_code(verify(case.path, NOBODY)) == 0


def identity(folder: Path, name: str = "identity") -> tuple[str, Path]:
    """A public key and the file of its secret one."""
    key = pyrage.x25519.Identity.generate()
    path = folder / name
    path.write_text(f"# a key\n{key}\n")
    return str(key.to_public()), path


def test_recipients_come_from_files_and_from_ssh_keys(tmp_path: Path) -> None:
    public = identity(tmp_path)[0]
    (tmp_path / "team").write_text(
        f"# the team\n{public}\n{new_key(tmp_path).with_suffix('.pub').read_text()}"
    )
    assert len(Recipients.of([str(tmp_path / "team")]).keys) == 2


@pytest.mark.skipif(not (shutil.which("age") or shutil.which("rage")), reason="neither age nor rage is here")
def test_the_age_command_decrypts_it(case: Case, tmp_path: Path) -> None:
    public, secret = identity(tmp_path)
    encrypt_bags(case.path, Recipients.of([public]))
    (archive,) = case.path.glob("web1/*.tar.age")
    tool = shutil.which("age") or shutil.which("rage") or ""
    done = subprocess.run([tool, "-d", "-i", str(secret), str(archive)], check=True, capture_output=True)
    assert b"bagit.txt" in done.stdout
