# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sent to a host's Python, run by another Python here; and what comes back of hosts that lie."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.cordon.docker.plugins.module_utils._entries import ENTRIES
from ansible_collections.cordon.docker.plugins.plugin_utils._transport import direct
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.direct import Order

MODULES = Path(direct.__file__).parents[2] / "modules"


def order(module: str = "container_info", **args: Any) -> Order:
    found = Order.of(f"cordon.docker.{module}", args, check_mode=False, diff=False)
    assert found is not None
    return found


def run(sent: Order, cwd: Path, **environment: str) -> dict[str, Any]:
    """As Ansible would run it: by a shell, in whatever folder."""
    done = subprocess.run(
        ["/bin/sh", "-c", direct.command(None, ["python0.1", sys.executable])],
        input=sent.sent(),
        capture_output=True,
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", **environment},
        check=False,
    )
    assert not done.stderr
    return sent.answer({"stdout": done.stdout.decode(), "stderr": ""})


def test_the_hosts_python_needs_nothing_of_ansible(tmp_path: Path) -> None:
    answer = run(order(docker_host=f"unix://{tmp_path}/none.sock"), tmp_path)
    assert answer["failed"] is True
    assert answer["msg"].startswith(f"There is no engine at unix://{tmp_path}/none.sock: no such socket.")
    assert answer["python"] == sys.executable


def test_nothing_is_imported_from_where_it_happens_to_run(tmp_path: Path) -> None:
    for name in ("json", "types", "importlib", "zipfile", "base64"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the intruder was here')")
    assert "no such socket" in run(order(docker_host=f"unix://{tmp_path}/none.sock"), tmp_path)["msg"]


def test_the_hosts_environment_counts_and_not_the_controllers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///of-the-controller.sock")
    answer = run(order(), tmp_path, DOCKER_HOST=f"unix://{tmp_path}/of-the-host.sock")
    assert "of-the-host.sock" in answer["msg"]
    assert "/var/run/docker.sock" in run(order(), tmp_path)["msg"]


def test_what_is_given_counts_more_and_paths_are_the_hosts(tmp_path: Path) -> None:
    given = order(docker_host="tcp://192.0.2.1:1", tls=True, ca_path="~/ca.pem", timeout=1)
    answer = run(given, tmp_path, HOME=str(tmp_path), DOCKER_TIMEOUT="9", DOCKER_HOST="unix:///x.sock")
    assert f"{tmp_path}/ca.pem, named for TLS, cannot be read" in answer["msg"]


@pytest.mark.parametrize(
    "said",
    ["", "{}", "TOKEN", "TOKEN[1]", 'TOKEN{"a"', "TOKEN" + "[" * 100000, 'x{"changed": true}'],
)
def test_what_is_no_answer_is_a_failure(said: str) -> None:
    sent = order()
    answer = sent.answer({"stdout": said.replace("TOKEN", sent.token), "stderr": "Traceback: why", "rc": 1})
    assert (answer["failed"], answer["module_stderr"], answer["rc"]) == (True, "Traceback: why", 1)


def test_the_answer_is_told_from_what_else_is_printed() -> None:
    sent = order()
    said = f'{{"changed": true}}\nLast login: today\n{sent.token}{{"changed": false}}\nBye'
    assert sent.answer({"stdout": said}) == {"changed": False}


class Captured(Exception):  # noqa: N818 - it ends a module's main, and is no error
    """What a module was about to be built with."""


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_a_module_and_its_entry_agree(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The options that are checked on the way are the module's own, in all that is asked of them."""

    def capture(_self: AnsibleModule, argument_spec: dict[str, Any], **given: Any) -> None:
        raise Captured(argument_spec, given)

    monkeypatch.setattr(AnsibleModule, "__init__", capture)
    module = importlib.import_module(f"ansible_collections.cordon.docker.plugins.modules.{name}")
    with pytest.raises(Captured) as caught:
        module.main()
    spec, given = caught.value.args
    assert {key: value for key, value in spec.items() if key != "_library"} == ENTRIES[name].argument_spec()
    one_of = [("containers", "select")] if ENTRIES[name].named else []
    assert (given["mutually_exclusive"], given.get("required_one_of", [])) == (
        [("containers", "select")],
        one_of,
    )


def test_every_module_that_asks_an_engine_has_an_entry() -> None:
    assert {*ENTRIES} <= {path.stem for path in MODULES.glob("*.py")}
    uses = {path.stem for path in MODULES.glob("*.py") if "_engine" in path.read_text()}
    # preserve leaves a sender behind that goes on for minutes: its beginning is not what one waits for.
    assert uses - {"preserve"} <= {*ENTRIES}


def test_the_order_is_ascii_whatever_is_in_it() -> None:
    assert json.loads(order(select="[?Name=='ü\u2028']").sent().rpartition(b"\n")[2])["params"]["select"]
