# SPDX-License-Identifier: MIT
from __future__ import annotations

import signal

import pytest

from unsung.stopping import Stopped, finishing, stoppable

SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_raised_and_handlers_come_back(number):
    before = signal.getsignal(number)
    with pytest.raises(Stopped) as stopped, stoppable():
        signal.raise_signal(number)
    assert stopped.value.number == number and isinstance(stopped.value, KeyboardInterrupt)
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", SIGNALS)
def test_what_is_ignored_stays_ignored(number):
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with stoppable():
            signal.raise_signal(number)
    finally:
        signal.signal(number, before)


def test_signals_in_a_row_are_one_stop_and_later_ones_another(monkeypatch):
    now_s = [1.0]
    monkeypatch.setattr("time.monotonic", lambda: now_s[0])
    with stoppable():
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGTERM)
        now_s[0] += 0.5
        for number in SIGNALS:
            signal.raise_signal(number)  # while the first is being dealt with
        now_s[0] += 5.0
        with pytest.raises(Stopped) as stopped:
            signal.raise_signal(signal.SIGINT)
        assert stopped.value.number == signal.SIGTERM


@pytest.mark.parametrize("number", SIGNALS)
def test_what_is_being_closed_is_closed_first(number):
    steps = []
    with pytest.raises(Stopped), stoppable(), finishing():
        with finishing():
            signal.raise_signal(number)
            steps.append(1)
        steps.append(2)
    assert steps == [1, 2]


def test_without_handlers_finishing_changes_nothing():
    with pytest.raises(KeyboardInterrupt), finishing():
        raise KeyboardInterrupt
