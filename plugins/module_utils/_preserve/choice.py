# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the responder asked to be preserved, and how much of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from ansible_collections.cordon.docker.plugins.module_utils._engine.selection import ContainerChoice
from ansible_collections.cordon.docker.plugins.module_utils._errors import InvalidOption

# In this order, most volatile first (RFC 3227): each for all containers before the next.
VOLATILE = ("network", "processes", "executables", "deleted_files", "memory", "capture", "tmpfs")
KEPT = ("inspect", "layer", "layer_list", "layer_diff", "volumes", "binds", "bind_content", "logs")
WHOLE = ("history", "filesystem")
# Of the host, or once for all containers that share it.
HOST = ("engine", "image", "committed_image")
ITEMS = VOLATILE + KEPT + WHOLE + HOST
# By default not: what repeats other items (the file system is the image and the layer), what has to be made first
# (the committed image), what takes time (a capture), and folders of the host that a container only shares.
ON_REQUEST = frozenset(("filesystem", "committed_image", "capture", "bind_content"))
DEFAULT = tuple(name for name in ITEMS if name not in ON_REQUEST)
# Bytes of one item where the items were not named: more than that is asked for on purpose.
DEFAULT_BYTES = 8 << 30
NAMED_BYTES = 1 << 50
MEMORY_WORDS = ("drift", "all")
_MOST_SECONDS = 3600


def choice_argument_spec() -> dict[str, dict[str, Any]]:
    """The options of what is preserved; those of the engine and of the selection are merged with them."""
    return {
        "items": {"type": "list", "elements": "str", "choices": list(ITEMS)},
        "item_bytes": {"type": "int"},
        "hash_bytes": {"type": "int", "default": 1 << 30},
        "memory": {"type": "list", "elements": "str", "default": ["drift"]},
        "memory_bytes": {"type": "int", "default": 2 << 30},
        "bind_content": {"type": "list", "elements": "str", "default": []},
        "capture_seconds": {"type": "int", "default": 10},
        "capture_bytes": {"type": "int", "default": 64 << 20},
        "committed_images": {"type": "list", "elements": "str", "default": []},
    }


@dataclass(frozen=True)
class Choice:
    """``item_bytes`` bounds the content of one item, ``hash_bytes`` the size of a file that is hashed for a listing,
    ``memory_bytes`` what is read of one process. ``memory`` is ``drift``, ``all`` or PIDs as the host numbers them.
    ``bind_content`` are destinations in the container, ``*`` for all; ``committed_images`` names, empty for those
    that container_commit made of the chosen containers."""

    containers: ContainerChoice
    items: frozenset[str]
    item_bytes: int
    hash_bytes: int
    memory: frozenset[str]
    memory_bytes: int
    bind_content: frozenset[str]
    capture_seconds: int
    capture_bytes: int
    committed_images: tuple[str, ...]

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Choice:
        """Raises InvalidOption with the option's name for a value that cannot be used."""
        named = params.get("items")
        item_bytes = params.get("item_bytes")
        if item_bytes is None:
            item_bytes = DEFAULT_BYTES if named is None else NAMED_BYTES
        values = {**params, "item_bytes": item_bytes}
        for name in ("item_bytes", "hash_bytes", "memory_bytes", "capture_bytes"):
            if values[name] < 4096:
                raise InvalidOption(f"{name} cannot be {values[name]}: it is at least 4096.")
        if not 1 <= params["capture_seconds"] <= _MOST_SECONDS:
            raise InvalidOption(
                f"capture_seconds cannot be {params['capture_seconds']}: it is a number from 1 to {_MOST_SECONDS}."
            )
        unknown = sorted(set(named or ()) - set(ITEMS))
        if unknown:
            raise InvalidOption(f"items has {unknown[0]!r}, which is none of {', '.join(ITEMS)}.")
        return cls(
            containers=ContainerChoice.from_params(params),
            items=frozenset(DEFAULT if named is None else named),
            item_bytes=item_bytes,
            hash_bytes=params["hash_bytes"],
            memory=_memory(params["memory"]),
            memory_bytes=params["memory_bytes"],
            bind_content=frozenset(params["bind_content"]),
            capture_seconds=params["capture_seconds"],
            capture_bytes=params["capture_bytes"],
            committed_images=tuple(params["committed_images"]),
        )

    def wants(self, item: str) -> bool:
        return item in self.items

    def wants_memory(self, pid: int, drifted: bool) -> bool:
        """Whether the memory of a process was asked for; ``drifted``: its executable was not in the image."""
        return "all" in self.memory or str(pid) in self.memory or (drifted and "drift" in self.memory)

    def wants_bind(self, destination: str) -> bool:
        return bool({"*", destination} & self.bind_content)


def _memory(words: list[str]) -> frozenset[str]:
    for word in words:
        if word not in MEMORY_WORDS and not (word.isascii() and word.isdigit()):
            raise InvalidOption(
                f"memory has {word!r}: give PIDs as the host numbers them, {' or '.join(MEMORY_WORDS)}."
            )
    return frozenset(words)
