# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds and memory of what the controller derives from a case of a fleet that is made up: no host is needed.

    .venv/bin/python bench/analysis.py --hosts 50 --containers 10 --lines 1000 --sigma-rules ~/sigma

Every second container writes an access log, the others an application log. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measure import row

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import (
    baseline,
    database,
    sigma,
    sigma_compile,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._analysis.evaluate import evaluate


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        case = Path(folder)
        for host in range(options.hosts):
            for number in range(options.containers):
                _container(case, host, number, options.lines)
        rules = [sigma_compile.OWN_RULES, *options.sigma_rules]
        print(row("step", "seconds", "peak memory (MiB)"))
        print(row("---", "---", "---"))
        _step("findings of the built-in rules", lambda: evaluate(case))
        _step("baselines", lambda: baseline.evaluate(case))
        _step("case.sqlite", lambda: database.build(case))
        outcome = _step("Sigma rules", lambda: sigma.run(case / database.NAME, rules))
        print(f"\n{outcome.told}")


def _step(name: str, work: Callable[[], Any]) -> Any:
    begin = time.perf_counter()
    made = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(row(name, time.perf_counter() - begin, peak), flush=True)
    return made


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--containers", type=int, default=10)
    parser.add_argument("--lines", type=int, default=1000, help="of each container's log")
    parser.add_argument("--sigma-rules", type=Path, nargs="*", default=[])
    return parser.parse_args()


def _container(case: Path, host: int, number: int, lines: int) -> None:
    key = f"{host * 1000 + number:012x}"
    folder = case / f"h{host}" / "20260301T120500Z-triage" / "data" / "containers" / key
    (folder / "logs").mkdir(parents=True)
    document = {
        "Name": f"/shop{number}",
        "Config": {"Image": "acme/shop:5.2"},
        "State": {"StartedAt": "2026-03-01T10:00:00Z", "Running": True},
    }
    (folder / "inspect.json").write_text(json.dumps(document))
    processes = [_process(100 + pid) for pid in range(8)]
    files = [
        {"path": f"/var/cache/nginx/{file}", "type": "file", "kind": "A", "executable": False}
        for file in range(100)
    ]
    written = _access if number % 2 else _application
    log = [
        {"time": f"2026-03-01T12:00:00.{line:06d}Z", "stream": "stdout", "line": written(line, host)}
        for line in range(lines)
    ]
    for name, rows in (("processes.jsonl", processes), ("layer.jsonl", files), ("logs/tail.jsonl", log)):
        (folder / name).write_text("".join(json.dumps(entry) + "\n" for entry in rows))


def _process(pid: int) -> dict[str, Any]:
    return {
        "pid": pid,
        "ppid": 100 if pid > 100 else 1,
        "container_pid": pid - 99,
        "cmdline": ["nginx: worker process"],
        "exe": {"path": "/usr/sbin/nginx", "state": "image"},
    }


def _access(line: int, host: int) -> str:
    return (
        f"10.0.{host}.{line % 255} - - [01/Mar/2026:12:00:00 +0000] "
        f'"GET /items/{line * 7919 % 100_000}?page={line} HTTP/1.1" 200 512 "https://shop.example/" "Mozilla/5.0"'
    )


def _application(line: int, host: int) -> str:
    return f"2026-03-01 12:00:00,123 INFO [http-{line % 9}] com.acme.OrderService - order {line * 7919 + host} packed"


if __name__ == "__main__":
    main()
