# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CPU use out of line with the other containers and with what the container did before."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values, wording
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evidence import ContainerEvidence
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.findings import EvidenceRef, Severity
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.processes import Process
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.signs import Sign

_BUSY = 0.8  # of what the container may use: its own limit, else one core
_LASTING = 0.5  # of the same, on average since its start
_START_UP_SECONDS = 60.0  # every Java service is busy at first
_LONG_SECONDS = 600.0
_OUT_OF_LINE = 3.0  # times the median of all containers of the case
_FEWEST = 3  # containers that make a median worth comparing with
_FOREIGN = frozenset({"deleted", "memfd", "upper"})


def busy(container: ContainerEvidence) -> Iterator[Sign]:
    """A container that keeps the CPU busy. Alone that accuses nobody for certain; with a program that is not
    from the image it is how miners look."""
    percent = values.number(container.stats.get("cpu_percent"))
    if percent is None or percent <= 0:
        return
    limit = cpu_limit(container)
    allowed = limit or 100.0
    age, average = _history(container)
    foreign = _foreign(container) if max(percent, average) >= _LASTING * allowed else None
    severity: Severity = "high"
    if foreign is None:
        lasting = age > _START_UP_SECONDS and average >= _LASTING * allowed
        if percent < _BUSY * allowed or not lasting or not _is_out_of_line(container, percent):
            return
        severity = "medium" if age > _LONG_SECONDS else "low"
    yield Sign(
        rule="busy-cpu",
        key="",
        severity=severity,
        confidence="medium" if foreign else "low",
        sentence=_sentence(percent, limit, average, foreign),
        technique="T1496",
        evidence=_refs(container, foreign),
        module="container_stats_info",
    )


def cpu_limit(container: ContainerEvidence) -> float | None:
    """What the container may use, in percent of one core; None where it has no limit."""
    config = values.record(container.inspect.get("HostConfig"))
    nano = values.number(config.get("NanoCpus"))
    if nano and nano > 0:
        return nano / 1e7
    quota, period = values.number(config.get("CpuQuota")), values.number(config.get("CpuPeriod"))
    if quota and quota > 0:
        return quota / (period if period and period > 0 else 100_000.0) * 100
    return None


def _history(container: ContainerEvidence) -> tuple[float, float]:
    """The container's age at the first sample in seconds, and its average use since, in percent of a core."""
    first = values.record(container.stats.get("first"))
    at = values.moment(first.get("time")) or values.moment(first.get("read"))
    used = _cpu_seconds(first)
    if at is None or used is None or container.started is None or at <= container.started:
        return 0.0, 0.0
    age = at - container.started
    return age, used / age * 100


def _cpu_seconds(sample: dict[str, object]) -> float | None:
    """CPU time since the start: of cgroups v1, of v2, or as the engine tells it."""
    nanoseconds = values.number(sample.get("cpuacct.usage"))
    if nanoseconds is None:
        usage = values.record(values.record(sample.get("cpu_stats")).get("cpu_usage"))
        nanoseconds = values.number(usage.get("total_usage"))
    if nanoseconds is not None:
        return nanoseconds / 1e9
    microseconds = values.number(values.record(sample.get("cpu.stat")).get("usage_usec"))
    return None if microseconds is None else microseconds / 1e6


def _is_out_of_line(container: ContainerEvidence, percent: float) -> bool:
    known = container.case.cpu_percents
    return len(known) < _FEWEST or percent >= _OUT_OF_LINE * known[len(known) // 2]


def _foreign(container: ContainerEvidence) -> Process | None:
    return next((process for process in container.processes if process.exe_state in _FOREIGN), None)


def _sentence(percent: float, limit: float | None, average: float, foreign: Process | None) -> str:
    most = f" of the {limit:.0f} % it may use" if limit else ""
    since = f", {average:.0f} % on average since its start" if average else ""
    uses = f"The container uses {percent:.0f} % of a core{most}{since}"
    if foreign is None:
        return f"{uses}, more than others do."
    name = wording.plain(foreign.program, 40)
    return f"{uses}, and {name} (PID {foreign.pid}) does not run from the image."


def _refs(container: ContainerEvidence, foreign: Process | None) -> list[EvidenceRef]:
    refs = [container.ref("stats.json")]
    return [*refs, container.ref("processes.jsonl", foreign.line)] if foreign else refs
