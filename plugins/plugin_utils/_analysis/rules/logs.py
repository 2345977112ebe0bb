# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines of a container's log that tell of attacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import jndi, values, wording
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import EvidenceRef
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.knowledge import requests as known
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.requests import HITS, LOGS
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.signs import MAX_REFS, Sign
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.sockets import Socket

_MAX_UNDONE_CHARS = 2 << 20  # text that is searched for disguised lookups, a container
_MAX_COMPARED_CHARS = 2 << 20  # text that is compared with all patterns, a container

# The word alone would miss those that are disguised.
_SEARCH = f"regex={jndi.SEARCH} ignore_case=true"


@dataclass
class _Seen:
    lines: int = 0
    disguised: int = 0
    evidence: list[EvidenceRef] = field(default_factory=list)
    servers: dict[str, int | None] = field(default_factory=dict)
    plain: str = ""  # the first disguised lookup as Log4j sees it
    command: str = ""


def jndi_lookups(container: ContainerEvidence) -> Iterator[Sign]:
    """JNDI lookups in requests. Alone they are attempts, which every server sees; where a lookup's server is
    also at the other end of a connection, it worked."""
    seen = _Seen()
    told: set[tuple[str, str]] = set()
    left = _MAX_UNDONE_CHARS
    for item, line, time, written in _lines(container):
        left -= min(len(written), jndi.MAX_CHARS)
        if left < 0:
            break
        if (time, written[:512]) in told:
            continue  # the end of the log and the search both have it
        lookups = jndi.find_lookups(written)
        if lookups:
            told.add((time, written[:512]))
            _note(seen, lookups, container.ref(item, line))
    if seen.lines:
        yield _jndi_sign(container, seen)


def attempts(container: ContainerEvidence) -> Iterator[Sign]:
    """Requests that try commands, downloads, other folders: each kind once, with how often. The search of the
    whole log has them; its end is not read again for this."""
    counts: dict[str, _Seen] = {}
    told: set[tuple[str, str]] = set()
    left = _MAX_COMPARED_CHARS
    for line, row in container.stream(HITS):
        time, written = values.text(row.get("time"), 64), values.text(row.get("line"))
        left -= len(written)
        if left < 0:
            break
        undone = jndi.unescape(jndi.unescape(written)) if "%" in written else written
        for attempt in known.ATTEMPTS:
            if (time, written[:512]) in told or not attempt.pattern.search(undone):
                continue
            told.add((time, written[:512]))
            seen = counts.setdefault(attempt.name, _Seen())
            seen.lines += 1
            if len(seen.evidence) < MAX_REFS:
                seen.evidence.append(container.ref(HITS, line))
    for attempt in known.ATTEMPTS:
        if attempt.name in counts:
            yield Sign(
                rule=f"request-{attempt.name}",
                key="",
                severity="low",
                confidence="medium",
                sentence=f"The log has {_many(counts[attempt.name].lines)} with {attempt.tried}.",
                technique=attempt.technique,
                evidence=counts[attempt.name].evidence,
                module="container_logs_info",
            )


def _lines(container: ContainerEvidence) -> Iterator[tuple[str, int, str, str]]:
    """Item, number, time and text of lines that may have a lookup."""
    for item in LOGS:
        for line, row in container.stream(item, known.LOOKUP_HINTS, fold=True):
            yield item, line, values.text(row.get("time"), 64), values.text(row.get("line"), 65536)


def _note(seen: _Seen, lookups: list[jndi.Lookup], ref: EvidenceRef) -> None:
    seen.lines += 1
    seen.disguised += any(lookup.obfuscated for lookup in lookups)
    if len(seen.evidence) < MAX_REFS:
        seen.evidence.append(ref)
    for lookup in lookups:
        if lookup.obfuscated and not seen.plain:
            seen.plain = f"${{jndi:{lookup.name}}}"
        seen.command = seen.command or lookup.command or ""
        if lookup.server and len(seen.servers) < 100:
            seen.servers.setdefault(lookup.server, lookup.port)


def _jndi_sign(container: ContainerEvidence, seen: _Seen) -> Sign:
    plain = f", such as `{wording.plain(seen.plain, 60)}`" if seen.plain else ""
    hidden = f", {seen.disguised} of them disguised{plain}" if seen.disguised else ""
    servers = wording.listed([wording.plain(server, 60) for server in seen.servers])
    asking = f", for answers from {servers}" if servers else ""
    run = f", to run `{wording.plain(seen.command, 60)}`" if seen.command else ""
    sentence = f"The log has {_many(seen.lines)} with a JNDI lookup{hidden}{asking}{run}"
    connection = _connection(container, seen)
    if connection is None:
        return Sign(
            rule="jndi-lookup",
            key="",
            severity="medium",
            confidence="medium",
            sentence=f"{sentence}: an attempt, unless other signs show that it worked.",
            technique="T1190",
            evidence=seen.evidence,
            module="container_logs_info",
            options=_SEARCH,
        )
    return Sign(
        rule="jndi-lookup",
        key="",
        severity="critical",
        confidence="high",
        sentence=f"{sentence}, and the container is connected to {connection.remote}: it worked.",
        technique="T1190",
        evidence=[container.ref("sockets.jsonl", connection.line), *seen.evidence],
        module="container_logs_info",
        options=_SEARCH,
    )


def _connection(container: ContainerEvidence, seen: _Seen) -> Socket | None:
    """A connection that the container opened to a server named in a lookup."""
    for socket in container.sockets.sockets:
        if socket.remote_address in seen.servers and container.sockets.is_outbound(socket):
            return socket
    return None


def _many(lines: int) -> str:
    return "a line" if lines == 1 else f"{lines} lines"
