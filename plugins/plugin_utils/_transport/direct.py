# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our host code sent to a host's Python as it is, and what it answers. Pure, but for the sources it reads once.

Ansible packs a module with its frame, which the host unpacks into a file and reads before the module begins: a
quarter of a second of its processor, while what is to be cut off goes on. This is the same one command, of the same
interpreter, over the same connection and with the same become, but with our own sources alone.
"""

from __future__ import annotations

import json
import re
import secrets
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.vars.clean import remove_internal_keys

from ansible_collections.cordon.docker.plugins.module_utils import _travelled
from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import SELECTION_EXCLUSIVE
from ansible_collections.cordon.docker.plugins.module_utils._entries import ENTRIES, Entry
from ansible_collections.cordon.docker.plugins.plugin_utils._transport.library import library_archive

COLLECTION = "cordon.docker."
_PACKAGE = str(_travelled.__package__)
_INTERPRETER = re.compile(r"/[A-Za-z0-9_./+-]{1,200}\Z")
_MAX_SAID = 2000
# Given to Python as -c; on its standard input is the length of the source that follows, which takes in the rest. All of
# it as a script on standard input would do, but Python needs a tenth of a second to read a line of that length.
_BEGIN = "import sys; sent = sys.stdin.buffer; exec(sent.read(int(sent.readline())))"
# What imports the rest comes first, as source; it is known by its own name from then on. Nothing is imported from the
# folder that the command happens to run in: an intruder may have left something there.
_SCRIPT = """\
sys.path = [folder for folder in sys.path if folder]
import importlib, types
def take():
    return sent.read(int(sent.readline()))
finder = types.ModuleType({name!r})
finder.__package__ = {package!r}
sys.modules[{name!r}] = finder
exec(compile(take(), "<travelled>", "exec"), finder.__dict__)
sys.meta_path.insert(0, finder.Travelled(take()))
importlib.import_module({entry!r}).main(take().decode())
""".format(name=_travelled.__name__, package=_PACKAGE, entry=f"{_PACKAGE}._direct").encode()


@dataclass(frozen=True)
class Order:
    """What the host is to do, options checked. ``token`` marks the answer among what else a host may print."""

    module: str
    params: Mapping[str, Any]
    fallbacks: Mapping[str, Any]
    paths: Sequence[str]
    check_mode: bool
    diff: bool
    token: str = field(default_factory=lambda: secrets.token_hex(16))

    @classmethod
    def of(cls, module: str, args: Mapping[str, Any], check_mode: bool, diff: bool) -> Order | None:
        """None where the module's own frame has something to say of the options: an error, or a warning."""
        entry = ENTRIES.get(module.removeprefix(COLLECTION))
        if entry is None:
            return None
        spec = entry.argument_spec()
        validated = _validator(entry, spec).validate(dict(args))
        if validated.error_messages or validated._warnings or validated._deprecations:
            return None
        fallbacks = {
            name: (option["fallback"][1], option["type"], option.get("default"))
            for name, option in spec.items()
            if "fallback" in option
        }
        paths = [name for name, option in spec.items() if option["type"] == "path"]
        known = {name: value for name, value in validated.validated_parameters.items() if name in spec}
        return cls(module.removeprefix(COLLECTION), known, fallbacks, paths, check_mode, diff)

    def sent(self) -> bytes:
        """What the host's Python is given on its standard input."""
        told = {name: getattr(self, name) for name in self.__dataclass_fields__}
        parts = (_SCRIPT, _finder(), library_archive(), json.dumps(told).encode())
        return b"".join(b"%d\n%s" % (len(part), part) for part in parts)

    def answer(self, done: Mapping[str, Any]) -> dict[str, Any]:
        """What came back of the command; a failure where that is no answer."""
        said = str(done.get("stdout") or "")
        _before, token, rest = said.rpartition(self.token)
        try:
            answer = json.loads(rest.partition("\n")[0]) if token else None
        except (ValueError, RecursionError):
            answer = None
        if isinstance(answer, dict):
            return _own(answer)
        errors = str(done.get("stderr") or "")
        return {
            "failed": True,
            "msg": "The host's Python gave no answer that can be read.",
            "module_stderr": errors[-_MAX_SAID:],
            "module_stdout": said[-_MAX_SAID:],
            "rc": done.get("rc"),
        }


def _own(answer: dict[str, Any]) -> dict[str, Any]:
    """Without what Ansible would take for more than an answer: facts, hosts to add, words of its own."""
    remove_internal_keys(answer)
    strange = ("ansible_facts", "results", "warnings", "deprecations", "exception", "invocation")
    return {name: value for name, value in answer.items() if name not in strange}


def _validator(entry: Entry, spec: Mapping[str, Mapping[str, Any]]) -> ArgumentSpecValidator:
    """Checks options here as the module would there, but for what only the host knows."""
    left = {name: _known_here(option) for name, option in spec.items()}
    one_of = [SELECTION_EXCLUSIVE] if entry.named else None
    return ArgumentSpecValidator(left, mutually_exclusive=[SELECTION_EXCLUSIVE], required_one_of=one_of)


def _known_here(option: Mapping[str, Any]) -> dict[str, Any]:
    left_out = ("fallback", "default") if "fallback" in option else ()
    kept = {name: value for name, value in option.items() if name not in left_out}
    return {**kept, "type": "str"} if kept["type"] == "path" else kept


@lru_cache(maxsize=1)
def _finder() -> bytes:
    return Path(_travelled.__file__).read_bytes()


def prepare() -> None:
    """Read and pack what travels: before Ansible forks a worker for each host, it is done once."""
    _finder()
    library_archive()


def command(python: str | None, candidates: Sequence[str]) -> str:
    """The shell's words that start it: with that Python, or with the first candidate that the host has.

    The first is what Ansible would find by asking, and then run; this way it is one round trip less.
    """
    if python is not None:
        return f"{python} -c {shlex.quote(_BEGIN)}"
    names = " ".join(shlex.quote(name) for name in candidates)
    begin = shlex.quote(_BEGIN)
    script = (
        f'for name in {names}; do path=$(command -v "$name") && exec "$path" -c {begin}; done;'
        f" exec /usr/bin/python3 -c {begin}"
    )
    return f"/bin/sh -c {shlex.quote(script)}"


def interpreter_of(answer: Mapping[str, Any]) -> str | None:
    """Which Python answered, if that is a path that can be given to a shell."""
    path = answer.get("python")
    return path if isinstance(path, str) and _INTERPRETER.match(path) else None
