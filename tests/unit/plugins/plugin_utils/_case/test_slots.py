# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Slots bound how many send at a time, over processes, and are free once their holder is gone."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from ansible_collections.cordon.docker.plugins.plugin_utils._case.slots import slot


def test_no_more_than_the_slots_are_in_at_a_time(tmp_path: Path) -> None:
    inside, most, waited = [0], [0], [0]
    lock = threading.Lock()

    def waiting() -> None:
        waited[0] += 1

    def work() -> None:
        with slot(tmp_path, 2, waiting):
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            time.sleep(0.05)
            with lock:
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _dummy in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [2]
    assert waited[0] >= 2
