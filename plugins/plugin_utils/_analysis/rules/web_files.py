# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Server-side code that came into a web root while the container ran: web shells, and what may be one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values, wording
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import (
    Confidence,
    EvidenceRef,
    Severity,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge import webroots
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.requests import Asked, requests_for
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.signs import Sign

_ITEMS = ("layer.jsonl", "volumes.jsonl")
_IS_CODE = (b'"code":"', b'"code": "')  # in JSON, without and with the space
_START_UP_SECONDS = 60.0
_UNPACKED = 50  # that many files of code at the start are an application being unpacked
_MAX_TOLD = 100  # files told of one by one
_CODE_NAMES = {
    "php": "PHP",
    "jsp": "JSP",
    "asp": "ASP",
    "python": "Python",
    "perl": "Perl",
    "node": "JavaScript",
}
_VERBS = {"A": "added", "C": "changed"}


@dataclass(frozen=True)
class _CodeFile:
    path: str
    web_path: str
    served: bool  # the server runs it when it is asked for by its path; else a service has it among its code
    code: str
    verb: str
    in_diff: bool
    at_start: bool
    when: str
    runs: str  # what its content does, empty where that is nothing remarkable
    certain: bool  # the content does that by itself, and not merely could
    ref: EvidenceRef


@dataclass
class _Found:
    told: list[_CodeFile] = field(default_factory=list)
    others: list[_CodeFile] = field(default_factory=list)
    count: int = 0
    at_start: int = 0


def web_shells(container: ContainerEvidence) -> Iterator[Sign]:
    """New or changed server-side code below a web root, by what it does and whether it was asked for."""
    found = _Found()
    for item in _ITEMS:
        for line, row in container.stream(item, _IS_CODE):
            file = _code_file(container, item, line, row)
            if file is not None:
                _sort(found, file)
    asked = requests_for(container, [file.web_path for file in found.told])
    unpacked = found.at_start >= _UNPACKED
    for file in found.told:
        yield _sign(file, asked.get(file.web_path, Asked()), unpacked)
    if found.count:
        yield _summary(found)


def _code_file(container: ContainerEvidence, item: str, line: int, row: dict[str, Any]) -> _CodeFile | None:
    path, code = values.text(row.get("path")), values.text(row.get("code"), 16)
    if row.get("type") != "file" or code not in webroots.SERVER_CODE | webroots.SCRIPT_CODE:
        return None
    head = values.text(row.get("head"), 8192)
    runs, certain = judge_content(head, code)
    served, root = _runs_when_asked(path, code), web_root(path)
    if root is None or not served:
        root = _app_root(path) if code in webroots.APP_CODE and runs else None
    if root is None:
        return None
    changed, started = values.moment(row.get("ctime")), container.started
    after = None if changed is None or started is None else changed - started
    return _CodeFile(
        path=path,
        web_path=path[len(root) :] if served else _route(path),
        served=served,
        code=code,
        verb=_VERBS.get(values.text(row.get("kind"), 1), "written"),
        in_diff=row.get("in_diff") is not False or item != "layer.jsonl",
        at_start=after is not None and after < _START_UP_SECONDS,
        when=_when(after),
        runs=runs,
        certain=certain,
        ref=container.ref(item, line),
    )


def web_root(path: str) -> str | None:
    """The web root the file lies in, None where no server would look."""
    fitting = [root for root in webroots.WEB_ROOTS if path.startswith(root + "/")]
    return max(fitting, key=len, default=None)


def _app_root(path: str) -> str | None:
    return next((root for root in webroots.APP_ROOTS if path.startswith(root + "/")), None)


def _route(path: str) -> str:
    """What a service most likely answers with a file of its code: its name, or its folder's."""
    folder, _slash, name = path.rpartition("/")
    stem = name.partition(".")[0]
    return f"/{folder.rpartition('/')[2] if stem in ('index', '__init__', 'main', 'route', 'page') else stem}"


def judge_content(head: str, code: str = "php") -> tuple[str, bool]:
    """What code does to deserve the name of a web shell, empty where it does not; and whether that is sure."""
    if code in webroots.SCRIPT_SHELLS:
        both, runs_something, reads_request = webroots.SCRIPT_SHELLS[code]
        if both.search(head):
            return "runs what a request says", True
        halves = runs_something.search(head) and reads_request.search(head)
        return ("reads requests and runs programs", False) if halves else ("", False)
    for pattern, runs in webroots.SHELL_CODE:
        if pattern.search(head):
            return runs, True
    taken = set(webroots.TAKEN_FROM_REQUEST.findall(head))
    if taken and not taken.isdisjoint(webroots.RUNS_A_VARIABLE.findall(head)):
        return "runs what a request says", True
    if webroots.RUNS_SOMETHING.search(head) and webroots.READS_REQUEST.search(head):
        return "reads requests and runs programs", False
    return "", False


def _runs_when_asked(path: str, code: str) -> bool:
    if code in webroots.SERVER_CODE:
        return True
    return code in webroots.SCRIPT_CODE and webroots.SCRIPT_FOLDERS.search(path) is not None


def _sort(found: _Found, file: _CodeFile) -> None:
    generated = webroots.GENERATED.search(file.path) is not None
    found.at_start += file.at_start
    if not file.served and generated:
        return
    uploaded = file.served and not generated and webroots.UPLOADS.search(file.web_path) is not None
    if (file.runs or uploaded) and len(found.told) < _MAX_TOLD:
        found.told.append(file)
    elif not generated:
        found.count += 1
        if len(found.others) < _MAX_TOLD:
            found.others.append(file)


def _sign(file: _CodeFile, asked: Asked, unpacked: bool) -> Sign:
    severity, confidence = _grade(file, asked, unpacked)
    language = _CODE_NAMES.get(file.code, "server-side")
    holds = (
        f"{language} code that {file.runs}" if file.runs else f"{language} code where only uploads should be"
    )
    clauses = [f"was {file.verb} {file.when}", f"holds {holds}"]
    if not file.in_diff:
        clauses.append("is not shown by docker diff")
    if asked.count:
        clauses.append(f"was requested {wording.times(asked.count)}")
    return Sign(
        rule="web-shell",
        key=file.path,
        severity=severity,
        confidence=confidence,
        sentence=f"{wording.plain(file.path, 160)} {', '.join(clauses[:-1])} and {clauses[-1]}.",
        technique="T1505.003",
        evidence=[file.ref, *asked.evidence],
        module="container_logs_info" if asked.count else "container_diff_info",
        options=wording.keyword(file.path.rpartition("/")[2]) if asked.count else "",
    )


def _grade(file: _CodeFile, asked: Asked, unpacked: bool) -> tuple[Severity, Confidence]:
    if unpacked and file.at_start and not file.certain:
        return "low", "low"
    if not file.served and not file.certain:
        return "medium" if asked.count else "low", "low"  # services do that in good intent as well
    if file.runs and asked.count:
        return "critical", "high" if file.certain else "medium"
    if file.runs:
        return "high", "high" if file.certain else "medium"
    return ("high" if asked.count else "medium"), "medium"


def _when(seconds: float | None) -> str:
    """When it was written, by the host's clock."""
    if seconds is None:
        return "at an unknown time"
    if seconds < 0:
        return "before the container was last started"
    return f"{wording.duration(seconds)} after the container started"


def _summary(found: _Found) -> Sign:
    """Code that looks ordinary: a deployment into the running container, or a shell that hides well."""
    late = [file for file in found.others if not file.at_start]
    shown = late or found.others
    severity: Severity = "medium" if late else "low"
    names = [wording.plain(file.path, 100) for file in shown]
    count = found.count
    files = names[0] if count == 1 else f"{count} files with server-side code, such as {names[0]},"
    verb = "was" if count == 1 else "were"
    when = shown[0].when if count == 1 else f"that one {shown[0].when}"
    return Sign(
        rule="web-code-changed",
        key="",
        severity=severity,
        confidence="low",
        sentence=f"{files} {verb} written into the web root, {when}.",
        technique="T1505.003",
        evidence=[file.ref for file in shown],
        module="container_diff_info",
    )
