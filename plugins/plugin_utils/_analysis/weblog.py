# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access logs of web servers, line by line, in the fields of Sigma's taxonomy. Pure and linear.

Known are the common and combined formats, with the virtual host before or not (Apache, nginx, Tomcat, gunicorn,
Python's own server), uvicorn's, PHP's own server's, and JSON as Caddy, Traefik and nginx are made to write it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.cordon.docker.plugins.plugin_utils._analysis import values

MAX_CHARS = 16_384  # of a line

_TIME = re.compile(r"[0-9]{1,2}/[A-Z][a-z]{2}/[0-9]{4}[: ]")
_ANSWER = re.compile(r'"((?:[^"\\]|\\.)*)" ([0-9]{3}|-)(?: ([0-9]{1,15}|-))?')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_UVICORN = re.compile(r'([0-9a-fA-F.:]{3,45}):[0-9]{1,5} - "((?:[^"\\]|\\.)*)" ([0-9]{3})')
_PHP = re.compile(
    r"^\[[^\]]{10,40}\] \[?([0-9a-fA-F.:]{2,45}?)\]?:[0-9]{1,5} \[([0-9]{3})\]: (?:([A-Z]{3,10}) )?(/\S{0,8192})"
)
_METHOD = re.compile(r"[A-Z][A-Z_-]{1,15}")
_ESCAPED = re.compile(r"\\(?:x([0-9a-fA-F]{2})|([\"\\]))")

# Names of one thing in JSON, as the servers and their handbooks have them.
_JSON = {
    "client": (
        "remote_addr",
        "remote_ip",
        "client_ip",
        "ClientHost",
        "remoteAddr",
        "remote_host",
        "clientip",
        "ip",
    ),
    "method": ("request_method", "RequestMethod", "method", "verb"),
    "uri": ("request_uri", "RequestPath", "uri", "url", "path"),
    "line": ("request", "RequestLine"),
    "status": ("status", "DownstreamStatus", "status_code", "statusCode", "response"),
    "agent": ("http_user_agent", "user_agent", "request_User-Agent", "userAgent", "agent"),
    "referer": ("http_referer", "http_referrer", "request_Referer", "referer", "referrer"),
    "host": ("http_host", "RequestHost", "host", "vhost", "server_name"),
    "size": ("body_bytes_sent", "bytes_sent", "DownstreamContentSize", "size", "bytes"),
    "user": ("remote_user", "ClientUsername", "user_id", "user"),
    "version": ("server_protocol", "RequestProtocol", "proto", "protocol"),
}


@dataclass(frozen=True)
class Request:
    """One request. What the log does not tell is None; `-` is not told either."""

    client: str | None
    user: str | None
    method: str | None
    uri: str
    version: str | None
    status: int | None
    size: int | None
    referer: str | None
    agent: str | None
    host: str | None

    @property
    def stem(self) -> str:
        return self.uri.partition("?")[0]

    @property
    def query(self) -> str | None:
        """What follows the question mark; None where there is none."""
        _dummy, mark, query = self.uri.partition("?")
        return query if mark else None


def parse_request(line: str) -> Request | None:
    """The request that a line of a log tells of, None where it tells of none."""
    line = line[:MAX_CHARS]
    if line.startswith("{"):
        return _from_json(line)
    begin = line.find(" [")
    end = line.find('] "', begin) if begin > 0 else -1
    if end > 0 and _TIME.match(line, begin + 2):
        return _from_common(line, begin, end)
    found = _UVICORN.search(line) if '" ' in line else None
    if found is not None:
        return _request(found.group(2), client=found.group(1), status=found.group(3))
    found = _PHP.match(line) if line.startswith("[") else None
    if found is not None:
        client, status, method, uri = found.groups()
        return _request(f"{method or 'GET'} {uri}", client=client, status=status)
    return None


def _from_common(line: str, begin: int, end: int) -> Request | None:
    answer = _ANSWER.match(line, end + 2)
    if answer is None:
        return None
    before = line[:begin].split(" ")
    texts = _QUOTED.findall(line, answer.end())
    named = before[-4] if len(before) >= 4 and ":" in before[-4] else None
    return _request(
        answer.group(1),
        client=before[-3] if len(before) >= 3 else before[0],
        user=before[-1] if len(before) >= 3 else None,
        status=answer.group(2),
        size=answer.group(3),
        referer=texts[0] if texts else None,
        agent=texts[1] if len(texts) > 1 else None,
        host=named.rpartition(":")[0] if named else None,
    )


def _from_json(line: str) -> Request | None:
    parsed = values.parse(line.encode("utf-8", "surrogatepass"))
    if not isinstance(parsed, dict):
        return None
    inner = parsed.get("request")
    flat: dict[str, Any] = {**parsed, **inner} if isinstance(inner, dict) else parsed
    headers = values.record(flat.get("headers"))
    told = {name: _first(flat, names) for name, names in _JSON.items()}
    written = told["line"] or " ".join(filter(None, (told["method"], told["uri"], told["version"])))
    if not (told["status"] and (told["line"] or (told["method"] and told["uri"]))):
        return None
    return _request(
        written,
        client=told["client"],
        user=told["user"],
        status=told["status"],
        size=told["size"],
        referer=told["referer"] or _header(headers, "Referer"),
        agent=told["agent"] or _header(headers, "User-Agent"),
        host=told["host"],
        escaped=False,
    )


def _first(record: dict[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = record.get(name)
        if isinstance(value, str) and value:
            return value[:MAX_CHARS]
        whole = values.integer(value)
        if whole is not None:
            return str(whole)
    return None


def _header(headers: dict[str, Any], name: str) -> str | None:
    told = values.texts(headers.get(name), 1)
    return told[0] if told else None


def _request(
    written: str,
    client: str | None = None,
    user: str | None = None,
    status: str | None = None,
    size: str | None = None,
    referer: str | None = None,
    agent: str | None = None,
    host: str | None = None,
    escaped: bool = True,
) -> Request | None:
    """The request of its first line, whatever a client wrote there."""
    text = _undone(written) if escaped else written
    method, space, rest = (text or "").partition(" ")
    if not space or not _METHOD.fullmatch(method):
        method, rest = "", text or ""
    uri, space, version = rest.rpartition(" ")
    if not space or not version.startswith("HTTP/"):
        uri, version = rest, ""
    return Request(
        client=client,
        user=None if user == "-" else user,
        method=method or None,
        uri=uri,
        version=version or None,
        status=_number(status),
        size=_number(size),
        referer=_undone(referer) if escaped else referer,
        agent=_undone(agent) if escaped else agent,
        host=host,
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 16 else None


def _undone(text: str | None) -> str | None:
    r"""What the client sent, where the server wrote `\"` or `\x22`; None for the dash that stands for nothing."""
    if text is None or text == "-":
        return None
    return _ESCAPED.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    digits, plain = match.groups()
    return chr(int(digits, 16)) if digits else str(plain)
