# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kind of machine the host is. Times by its own clock, which may be wrong: see the clock's offset."""

from __future__ import annotations

import os
import platform
import re
import time
from typing import Any

from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import utc

from .processes import read_all

_PRETTY = re.compile(r"^PRETTY_NAME=[\"']?(.*?)[\"']?$", re.MULTILINE)
_MEMORY = re.compile(rb"^MemTotal:\s+([0-9]+) kB", re.MULTILINE)


def boot_time() -> float:
    """When the kernel began, in seconds since 1970 by the host's clock as it is set now."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def total_memory(root: str = "/proc") -> int:
    """The host's memory in bytes, 0 where it is not told."""
    match = _MEMORY.search(_read(f"{root}/meminfo"))
    return int(match.group(1)) * 1024 if match else 0


def timezone_name() -> str:
    """The zone's name where the host tells it, else its offset, such as +01:00."""
    named = _read("/etc/timezone").decode("utf-8", "replace").strip()
    if not named:
        link = os.path.realpath("/etc/localtime")
        named = link.partition("/zoneinfo/")[2]
    return named or time.strftime("%z")


def host_facts() -> dict[str, Any]:
    """hostname, kernel, os, python, boot_time, time and timezone of host.json."""
    release = platform_release()
    kernel = os.uname()
    return {
        "hostname": kernel.nodename,
        "kernel": f"{kernel.sysname} {kernel.release} {kernel.version} {kernel.machine}",
        "os": release,
        "python": platform.python_version(),
        "boot_time": utc(boot_time()),
        "time": utc(time.time()),
        "timezone": timezone_name(),
        "cpus": os.sysconf("SC_NPROCESSORS_ONLN"),
        "memory_bytes": total_memory(),
    }


def platform_release() -> str | None:
    """PRETTY_NAME of os-release(5)."""
    match = _PRETTY.search(_read("/etc/os-release").decode("utf-8", "replace"))
    return match.group(1) if match else None


def _read(path: str) -> bytes:
    try:
        return read_all(path, None, 65536)
    except OSError:
        return b""
