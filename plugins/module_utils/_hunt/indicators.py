# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is hunted for: indicators by kind, checked once and ready to be compared. Pure, and shared by both sides."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any, Mapping, Pattern, Sequence, Union

from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption

# In the order of a sweep: what vanishes first is looked at first, and what takes longest last.
KINDS = ("process", "remote", "image", "path", "sha256", "log")
PATTERNS = ("process", "image", "path", "log")
MOST = 20_000  # indicators of all kinds together
LONGEST = 4096
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_COMPARED = 8192  # characters of one text; whoever runs a process chooses what a pattern has to work on

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


@dataclass(frozen=True)
class Indicators:
    """Values as they were given, by kind, beside what they are compared by."""

    values: Mapping[str, tuple[str, ...]]
    patterns: Mapping[str, tuple[tuple[str, Pattern[str]], ...]]
    networks: tuple[tuple[str, Network], ...]
    hashes: Mapping[str, str]

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Indicators:
        """Raises InvalidOption, which names the option and the value that cannot be used."""
        values = {kind: _given(kind, params.get(kind)) for kind in KINDS}
        count = sum(map(len, values.values()))
        if count == 0:
            raise InvalidOption(
                f"There is nothing to hunt for: give one of {', '.join(KINDS)}, or indicators."
            )
        if count > MOST:
            raise InvalidOption(f"There are {count} indicators, and one hunt takes {MOST}: split them.")
        return cls(
            values={kind: found for kind, found in values.items() if found},
            patterns={kind: tuple((text, pattern(kind, text)) for text in values[kind]) for kind in PATTERNS},
            networks=tuple((text, network(text)) for text in values["remote"]),
            hashes={digest(text): text for text in values["sha256"]},
        )

    @property
    def kinds(self) -> tuple[str, ...]:
        """Those that are asked for, in the order of a sweep."""
        return tuple(kind for kind in KINDS if kind in self.values)

    def matching(self, kind: str, *texts: str) -> str | None:
        """The first pattern of a kind that one of the texts holds, as it was given."""
        for given, compiled in self.patterns[kind]:
            if any(compiled.search(text[:_COMPARED]) for text in texts):
                return given
        return None

    def of_address(self, address: str) -> str | None:
        """The first network or address that holds this one, as it was given; IPv4 in IPv6 is IPv4."""
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return None
        mapped = getattr(found, "ipv4_mapped", None)
        for given, net in self.networks:
            if (mapped or found) in net:
                return given
        return None


def _given(kind: str, value: Any) -> tuple[str, ...]:
    found: Sequence[Any] = value or ()
    texts = tuple(dict.fromkeys(str(text).strip() for text in found))
    for text in texts:
        if not text or len(text) > LONGEST:
            raise InvalidOption(f"{kind} has a value of {len(text)} characters: give 1 to {LONGEST}.")
    return texts


def digest(text: str) -> str:
    """A SHA-256 in lower case, also with sha256: before it. Raises InvalidOption."""
    found = text.lower()
    found = found[len("sha256:") :] if found.startswith("sha256:") else found
    if not _SHA256.match(found):
        raise InvalidOption(f"sha256 cannot be {text[:100]!r}: it has 64 hexadecimal digits.")
    return found


def network(text: str) -> Network:
    """An address, or a network such as 10.0.0.0/8. Raises InvalidOption."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError as exc:
        raise InvalidOption(
            f"remote cannot be {text[:100]!r}: give an address or a network, such as 203.0.113.7 or 10.0.0.0/8."
        ) from exc


def pattern(kind: str, text: str) -> Pattern[str]:
    """A regular expression, without regard to case. Raises InvalidOption."""
    try:
        return re.compile(text, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as exc:
        raise InvalidOption(f"{kind} cannot be {text[:100]!r}: it is no regular expression ({exc}).") from exc
