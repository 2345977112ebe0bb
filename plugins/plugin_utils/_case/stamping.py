# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks a time stamp authority (RFC 3161) to vouch for when something was there."""

from __future__ import annotations

import hashlib
import http.client
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.urls import open_url

from ansible_collections.cordon.docker.plugins.module_utils._errors import (
    EvidenceError,
    InvalidOption,
    describe,
)
from ansible_collections.cordon.docker.plugins.plugin_utils._optional import library

_SECONDS = 30.0
_MOST_BYTES = 1 << 20
_GRANTED = (0, 1)  # granted, and granted with modifications


def check_url(url: str) -> None:
    """Raises InvalidOption for what is no address of a server, and LibraryMissing."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidOption(
            f"timestamp_url={url!r} is no address: use one such as http://timestamp.example.org/."
        )
    _library()


def stamp(data: bytes, url: str) -> bytes:
    """The server's whole answer, which is what goes into a .tsr file. Raises EvidenceError.

    The answer is looked at as far as that needs no trust: that it was granted, for this data and this question.
    """
    client = _library()
    wanted = hashlib.sha256(data).digest()
    builder = client.TimestampRequestBuilder().data(data).hash_algorithm(client.HashAlgorithm.SHA256)
    question = builder.nonce(nonce=True).cert_request(cert_request=True).build()
    answer = _ask(url, question.as_bytes())
    try:
        told = client.decode_timestamp_response(answer)
        granted, info = told.status in _GRANTED, told.tst_info
        fits = info.message_imprint.message == wanted and info.nonce == question.nonce
    except Exception as exc:  # whatever the library makes of a server's bytes
        raise EvidenceError(f"{url} gave no time stamp: {describe(exc)}.") from exc
    if not granted or not fits:
        raise EvidenceError(f"{url} gave a time stamp for something else than what it was asked.")
    return answer


def _ask(url: str, question: bytes) -> bytes:
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    try:
        reply = open_url(url, data=question, headers=headers, method="POST", timeout=_SECONDS)
        with closing(reply):
            answer: bytes = reply.read(_MOST_BYTES + 1)
    except (OSError, ValueError, http.client.HTTPException) as exc:
        raise EvidenceError(f"{url} could not be asked for a time stamp: {describe(exc)}.") from exc
    if len(answer) > _MOST_BYTES:
        raise EvidenceError(f"{url} answered with more than {_MOST_BYTES} bytes, which is no time stamp.")
    return answer


def _library() -> Any:
    return library("rfc3161_client", "rfc3161-client", "timestamp_url")
