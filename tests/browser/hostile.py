# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Strings that break pages, terminals and parsers, in every place that a host can write to."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

# What each tries in a page: to run, to load, to leave its element, to restyle, to be a template.
MARKUP = (
    "<script>window.pwned=1</script>",
    "</script><script>window.pwned=1</script>",
    "<!--<script>window.pwned=1",
    "--><script>window.pwned=1</script>",
    "]]><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "<img src=http://192.0.2.1/pixel>",
    "<svg onload=window.pwned=1>",
    "<svg><script>window.pwned=1</script></svg>",
    "<iframe src=javascript:parent.pwned=1>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'>",
    "<a href=javascript:window.pwned=1>x</a>",
    "javascript:window.pwned=1",
    "<link rel=stylesheet href=http://192.0.2.1/x.css>",
    "<style>body{display:none}</style>",
    "</style><style>*{display:none!important}</style>",
    "</title><script>window.pwned=1</script>",
    "</textarea><script>window.pwned=1</script>",
    "<meta http-equiv=refresh content='0;url=http://192.0.2.1/'>",
    "<base href=http://192.0.2.1/>",
    "<form action=http://192.0.2.1/><input name=x>",
    "<object data=http://192.0.2.1/x>",
    "<embed src=http://192.0.2.1/x>",
    "<video src=http://192.0.2.1/x onerror=window.pwned=1>",
    "<math><mtext><script>window.pwned=1</script>",
    '"><script>window.pwned=1</script>',
    "' onmouseover='window.pwned=1",
    '" autofocus onfocus="window.pwned=1',
    "${window.pwned=1}",
    "{{constructor.constructor('window.pwned=1')()}}",
    "{% if 1 %}{{ lookup('pipe','id') }}{% endif %}",
    "<%= window.pwned=1 %>",
    "#{window.pwned=1}",
    "`${window.pwned=1}`",
    "';window.pwned=1;//",
    "\\';window.pwned=1;//",
    "*/window.pwned=1;/*",
    "expression(window.pwned=1)",
    "url(http://192.0.2.1/x)",
    "@import 'http://192.0.2.1/x.css';",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
)
# What hides, reorders, moves or breaks.
ODD = (
    "\x00",
    "\x07\x1b[2J\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b]8;;http://192.0.2.1\x07link\x1b]8;;\x07",
    "\u202egnp.exe",
    "\u2066\u202e\u2069",
    "\u200b\u200d\ufeff",
    "\u2028\u2029",
    "\r\n\x0b\x0c\x85",
    "\ud800",
    "\udfff\ud800",
    "\U0001f4a9\u0301\u0301\u0301\u0301",
    "a" + "\u0300" * 400,
    "\uffff\ufffe",
    "\ue000",
    "أهلا",
    "W" * 30_000,
    "<" * 5_000,
    "%s%n%x%00",
    "=cmd|' /C calc'!A0",
)


def strings() -> list[str]:
    """A thousand and more: each, and each beside each odd one."""
    both = [f"{markup}{odd}" for markup, odd in itertools.product(MARKUP, ODD)]
    return [*MARKUP, *ODD, *both, *(odd + markup for odd, markup in itertools.product(ODD[:6], MARKUP))]


def line(row: dict[str, Any]) -> bytes:
    """As a hostile host writes it: escapes where UTF-8 has nothing to offer."""
    return json.dumps(row).encode() + b"\n"


def poison(case_dir: Path) -> int:
    """Put the strings wherever a host's words can be, and return how many there are."""
    hostile = strings()
    folders = sorted(case_dir.glob("*/*/data/containers/*"))
    turn = itertools.cycle(hostile)
    for place, folder in enumerate(folders):
        mine = hostile[place :: len(folders)]
        _items(folder, mine)
        document = json.loads((folder / "inspect.json").read_bytes())
        document["Name"] = "/" + mine[0]
        document["Config"] |= {
            "Image": mine[1 % len(mine)],
            "Cmd": mine[:20],
            "Env": mine[:20],
            "User": next(turn),
        }
        document["NetworkSettings"] = {
            "Networks": {next(turn): {"IPAddress": next(turn)}},
            "Ports": {next(turn): None},
        }
        document["HostConfig"] |= {"CapAdd": [next(turn)], "SecurityOpt": [next(turn)]}
        (folder / "inspect.json").write_bytes(line(document))
    for path in sorted(case_dir.glob("*/*/data/host.json")):
        path.write_bytes(
            line(
                {
                    "hostname": next(turn),
                    "os": next(turn),
                    "kernel": next(turn),
                    "engine": {"version": next(turn)},
                }
            )
        )
    for path in sorted(case_dir.glob("*/*/data/events.jsonl")):
        rows = (
            {"Type": next(turn), "Action": next(turn), "Actor": {"Attributes": {"name": next(turn)}}}
            for _dummy in range(40)
        )
        path.write_bytes(b"".join(map(line, rows)))
    for name in ("findings", "timeline", "correlations", "hosts"):
        _texts(case_dir / f"{name}.jsonl", turn)
    return len(hostile)


def _items(folder: Path, mine: list[str]) -> None:
    rows: dict[str, list[dict[str, Any]]] = {
        "processes.jsonl": [
            {
                "pid": 500 + n,
                "ppid": 499 + n % 7,
                "user": text,
                "comm": text,
                "cmdline": [text, text[:50]],
                "exe": {"path": text, "state": text[:16]},
            }
            for n, text in enumerate(mine)
        ],
        "sockets.jsonl": [
            {
                "protocol": text[:8],
                "state": text,
                "local_address": text,
                "remote_address": text,
                "remote_port": 1,
                "local_port": text,
                "pid": 500,
                "process": text,
            }
            for text in mine
        ],
        "layer.jsonl": [
            {
                "path": text,
                "type": "file",
                "kind": text[:1],
                "mode": text,
                "code": text[:9],
                "head": text,
                "sha256": text,
                "ctime": text,
                "mtime": text,
                "target": text,
            }
            for text in mine
        ],
        "logs/tail.jsonl": [{"time": text[:30], "stream": text, "line": text} for text in mine],
        "logs/hits.jsonl": [
            {"time": text, "stream": "stderr", "line": text, "pattern": text, "number": 1} for text in mine
        ],
    }
    for name, found in rows.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(
            path.read_bytes() + b"".join(map(line, found)) if path.exists() else b"".join(map(line, found))
        )
    with (folder / "logs" / "tail.jsonl").open("ab") as log:
        log.write(b'\xff\xfe{"line": \xc3\x28}\n[[[[\n' + b"[" * 5000 + b"\n")


def _texts(path: Path, turn: itertools.cycle[str]) -> None:
    """Put a hostile text behind each text of a file, but for those that the report selects by."""
    keep = {
        "kind",
        "severity",
        "confidence",
        "bag",
        "path",
        "id",
        "host",
        "datetime",
        "time",
        "status",
        "verb",
        "run",
    }

    def spoiled(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: spoiled(member, name) for name, member in value.items()}
        if isinstance(value, list):
            return [spoiled(member, key) for member in value]
        return value + " " + next(turn) if isinstance(value, str) and key not in keep else value

    rows = [json.loads(raw) for raw in path.read_bytes().splitlines()]
    path.write_bytes(b"".join(line(spoiled(row)) for row in rows))
