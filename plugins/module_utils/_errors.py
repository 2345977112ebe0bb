# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What library code raises. Each message is a full sentence that names the thing and how to mend it."""

from __future__ import annotations


class CordonError(Exception):
    """The root; a module's main() catches this one and fails once."""


class EngineError(CordonError):
    """The engine answered with an error, or gave an answer that makes no sense."""


class EngineUnreachable(EngineError):  # noqa: N818 - named for what happened
    """Nothing answers at the engine's address."""


class EngineDenied(EngineError):  # noqa: N818 - named for what happened
    """The engine's socket, or its TLS listener, does not let this user in."""


class EngineTimeout(EngineError):  # noqa: N818 - named for what happened
    """The engine did not answer in time."""


class UnknownContainer(CordonError):  # noqa: N818 - named for what happened
    """A container was named that the engine does not have."""


class InvalidOption(CordonError):  # noqa: N818 - named for what happened
    """An option has a value that cannot be used."""


class SdkMissing(CordonError):  # noqa: N818 - named for what happened
    """No usable docker SDK on the host, and none travelled with the task."""


class HostError(CordonError):
    """The host lacks a tool, or does not let this user read what is needed."""


class EvidenceError(CordonError):
    """Evidence cannot be stored, or what was received is not what was announced."""


def describe(exc: BaseException) -> str:
    """One line for the reason of an outcome; errors that are not ours carry their type's name."""
    text = " ".join(str(exc).split())
    if isinstance(exc, CordonError) and text:
        return text
    name = type(exc).__name__
    return f"{name}: {text}" if text else name
