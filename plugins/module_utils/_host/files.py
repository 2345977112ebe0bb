# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One file of a container as a row of evidence: what it is, its hash, and whether it is code."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from typing import Any, Iterable

from ansible_collections.cordon.docker.plugins.module_utils._errors import describe
from ansible_collections.cordon.docker.plugins.module_utils._evidence.jsonl import text, utc_ns

from .beneath import open_regular

WEB_ROOTS = (
    "/var/www",
    "/srv",
    "/usr/share/nginx",
    "/usr/local/apache2/htdocs",
    "/usr/local/apache2/cgi-bin",
    "/usr/lib/cgi-bin",
    "/usr/local/tomcat/webapps",
    "/opt/tomcat/webapps",
    "/var/lib/tomcat",
    "/opt/bitnami",
    "/bitnami",
    "/usr/share/webapps",
    "/inetpub",
)
# Where services in Python and Node keep their code; it counts as served, but nothing is listed for lying there.
APP_ROOTS = ("/app", "/code", "/opt/app", "/usr/app", "/usr/src/app", "/home/node/app")
HEAD_BYTES = 4096
_BLOCK = 262144
_BY_SUFFIX = {
    "php": "php", "php3": "php", "php4": "php", "php5": "php", "php7": "php", "php8": "php", "pht": "php",
    "phtml": "php", "phar": "php", "phps": "php", "jsp": "jsp", "jspx": "jsp", "jspf": "jsp", "jsw": "jsp",
    "asp": "asp", "aspx": "asp", "ashx": "asp", "asmx": "asp", "asa": "asp", "cer": "asp", "py": "python",
    "pyc": "python", "pl": "perl", "pm": "perl", "sh": "shell", "bash": "shell", "mjs": "node", "cjs": "node",
}  # fmt: skip
_BY_INTERPRETER = {
    b"php": "php", b"python": "python", b"pypy": "python", b"perl": "perl", b"node": "node", b"nodejs": "node",
    b"sh": "shell", b"bash": "shell", b"dash": "shell", b"ash": "shell", b"ksh": "shell", b"zsh": "shell",
}  # fmt: skip
_PHP = re.compile(rb"<\?(?:php\b|=)", re.IGNORECASE)
_JSP = re.compile(rb"<%@\s*page\b|<jsp:", re.IGNORECASE)
_ASP = re.compile(
    rb"<%@\s*(?:language|webhandler|webservice)\b|<script[^>]+runat\s*=\s*[\"']?server", re.IGNORECASE
)
# What makes a web server run other names as code, or other code first.
_HANDLER = re.compile(rb"(?:Add|Set)(?:Handler|Type)\b.*\bphp|auto_(?:prepend|append)_file", re.IGNORECASE)
# Node on the server and not in a browser: a file that ends in .js is either.
_NODE = re.compile(
    rb"\brequire\s{0,4}\(\s{0,4}[\"'](?:node:)?(?:child_process|https?|net|express|koa|fastify)[\"']"
    rb"|\bmodule\.exports\b|\bfrom\s{1,4}[\"'](?:node:)?(?:child_process|https?|express|koa|fastify)[\"']"
)
# Code that hides in what looks like something else lies behind its first bytes: an image is searched as a whole.
_PICTURES = frozenset(("gif", "jpg", "jpeg", "png", "ico", "bmp", "webp", "svg"))
_HIDDEN_CODE = b"<?php"
_BEFORE_CODE = 64
# What is read at each start, login or minute, by whom it trusts: its first bytes are evidence wherever it lies.
_TELLING = re.compile(
    r"/etc/(?:ld\.so\.preload|crontab|rc\.local|profile|bash\.bashrc|sudoers"
    r"|(?:cron\.[a-z]+|profile\.d|systemd/system|init\.d|sudoers\.d)/[^/]+)$"
    r"|/var/spool/cron/(?:[^/]+/)?[^/]+$|/etc/crontabs/[^/]+$"
    r"|/\.ssh/authorized_keys2?$|/\.(?:bashrc|profile|bash_profile|bash_login|zshrc)$"
)
SERVER_SIDE = frozenset(("php", "jsp", "asp", "python", "perl", "shell", "node"))
_TYPES = (
    (stat.S_ISREG, "file"),
    (stat.S_ISDIR, "dir"),
    (stat.S_ISLNK, "symlink"),
    (stat.S_ISFIFO, "fifo"),
    (stat.S_ISSOCK, "socket"),
)


def file_type(status: os.stat_result) -> str:
    """file, dir, symlink, fifo, socket, device; or whiteout, the character device 0:0 by which an overlay
    marks what was deleted (Documentation/filesystems/overlayfs.rst)."""
    for check, name in _TYPES:
        if check(status.st_mode):
            return name
    return "whiteout" if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0 else "device"


def code_of(name: str, head: bytes) -> str | None:
    """The kind of code a file holds: by its first bytes, which decide what runs, else by its suffix."""
    if head.startswith(b"\x7fELF"):
        return "elf"
    interpreter = _BY_INTERPRETER.get(_interpreter(head))
    if interpreter is not None:
        return interpreter
    if _PHP.search(head):
        return "php"
    if _JSP.search(head):
        return "jsp"
    if _ASP.search(head):
        return "asp"
    if name in (".htaccess", ".user.ini") and _HANDLER.search(head):
        return "php"
    _stem, dot, suffix = name.rpartition(".")
    if dot and suffix == "js" and _NODE.search(head):
        return "node"
    return _BY_SUFFIX.get(suffix.lower()) if dot else None


def is_telling(path: str) -> bool:
    """Whether a file is one by which programs are made to start, or people let in."""
    return _TELLING.search(path) is not None


def _interpreter(head: bytes) -> bytes:
    """The program a script asks for, without its folder and version; that of env(1) where it is asked first."""
    if not head.startswith(b"#!"):
        return b""
    words = [word.rpartition(b"/")[2] for word in head[2:256].split(b"\n", 1)[0].split()]
    if words[:1] == [b"env"]:
        words = [word for word in words[1:] if not word.startswith(b"-") and b"=" not in word]
    return words[0].rstrip(b"0123456789.") if words else b""


def in_web_root(path: str, extra: Iterable[str] = ()) -> bool:
    """Whether a path of the container lies where web servers look for what they serve."""
    return any(path == root or path.startswith(root + "/") for root in (*WEB_ROOTS, *extra))


@dataclass
class HashBudget:
    """``each`` bytes of one file are hashed, and ``left`` bytes of all; a file beyond has a reason instead."""

    each: int
    left: int


@dataclass(frozen=True)
class Content:
    """What reading a file gave."""

    sha256: str | None
    reason: str | None
    code: str | None
    head: bytes


def read_content(parent: int, name: str, size: int, budget: HashBudget) -> Content:
    """The first bytes of a regular file and, within the budget, its hash. Raises nothing."""
    try:
        handle = open_regular(parent, name)
    except OSError as exc:
        return Content(None, f"could not be opened: {describe(exc)}", code_of(name, b""), b"")
    try:
        return _read_open(handle, name, size, budget)
    except OSError as exc:
        return Content(None, f"could not be read: {describe(exc)}", code_of(name, b""), b"")
    finally:
        os.close(handle)


def _read_open(handle: int, name: str, size: int, budget: HashBudget) -> Content:
    reason = None
    if size > budget.each:
        reason = f"larger than hash_bytes ({budget.each})"
    elif size > budget.left:
        reason = "the bytes to hash for this item are used up"
    if reason is not None:
        head = os.read(handle, HEAD_BYTES)
        return Content(None, reason, code_of(name, head), head)
    block = os.read(handle, _BLOCK)
    head = block[:HEAD_BYTES]
    code = code_of(name, head)
    picture = code is None and name.rpartition(".")[2].lower() in _PICTURES
    digest = hashlib.sha256(block)
    taken = len(block)
    hidden = _hidden_code(block) if picture else None
    # One read that was not full is the end of a regular file; what grows meanwhile is cut at the bound.
    while len(block) == _BLOCK and taken <= budget.each:
        block = os.read(handle, _BLOCK)
        digest.update(block)
        taken += len(block)
        if picture and hidden is None:
            hidden = _hidden_code(block)
    budget.left -= taken
    if hidden is not None:
        code, head = "php", hidden
    if taken > budget.each:
        return Content(None, f"grew beyond hash_bytes ({budget.each})", code, head)
    return Content(digest.hexdigest(), None, code, head)


def _hidden_code(block: bytes) -> bytes | None:
    """The code in a block of a picture and a little before it."""
    at = block.find(_HIDDEN_CODE)
    return None if at < 0 else block[max(0, at - _BEFORE_CODE) :][:HEAD_BYTES]


def file_row(
    parent: int, name: str, path: str, status: os.stat_result, budget: HashBudget, web_root: bool
) -> dict[str, Any]:
    """A row of layer.jsonl or volumes.jsonl; ``path`` is the container's. Times are the file's own, in UTC."""
    kind = file_type(status)
    content = Content(None, None, None, b"")
    if kind == "file":
        content = read_content(parent, name, status.st_size, budget)
    return {
        "path": path,
        "type": kind,
        "mode": f"{stat.S_IMODE(status.st_mode):04o}",
        "uid": status.st_uid,
        "gid": status.st_gid,
        "bytes": status.st_size,
        "mtime": utc_ns(status.st_mtime_ns),
        "ctime": utc_ns(status.st_ctime_ns),
        "sha256": content.sha256,
        "hash_reason": content.reason,
        "executable": kind == "file" and bool(status.st_mode & 0o111),
        "opaque": False,
        "target": _target(parent, name) if kind == "symlink" else None,
        "in_diff": None,
        "code": content.code,
        "head": text(content.head) if _keeps_head(path, content, web_root) else None,
    }


def _keeps_head(path: str, content: Content, web_root: bool) -> bool:
    return (web_root and content.code in SERVER_SIDE) or (content.head != b"" and is_telling(path))


def _target(parent: int, name: str) -> str | None:
    try:
        return os.readlink(name, dir_fd=parent)
    except OSError:
        return None
