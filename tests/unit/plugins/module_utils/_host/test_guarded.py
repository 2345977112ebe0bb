# Copyright (c) The cordon.docker authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import time

from ansible_collections.cordon.docker.plugins.module_utils._host import guarded


def test_answers_are_in_order_and_errors_are_values() -> None:
    answers = guarded.each([3, 0, 1], lambda number: 6 // number, 5)
    assert [answer.result for answer in answers] == [2, None, 6]
    assert isinstance(answers[1].error, ZeroDivisionError)
    assert guarded.each([], lambda number: number, 5) == []


def test_one_that_never_returns_is_given_up() -> None:
    release = threading.Event()

    def work(number: int) -> int:
        if number in (1, 3):
            release.wait(20)
        return number

    began = time.monotonic()
    answers = guarded.each([0, 1, 2, 3, 4], work, 0.05)
    took = time.monotonic() - began
    release.set()
    assert [answer.result for answer in answers] == [0, None, 2, None, 4]
    assert [answer.stuck for answer in answers] == [False, True, False, True, False]
    assert took < 5


def test_slow_but_steady_is_not_given_up() -> None:
    answers = guarded.each([0.02] * 10, time.sleep, 0.1)
    assert not any(answer.stuck for answer in answers)
