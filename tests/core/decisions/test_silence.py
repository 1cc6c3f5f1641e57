"""When a trainer counts as hung: by its own steps, not because the machine slept (Q6, T20)."""

from daemon.core.decisions import actions as do
from daemon.core.decisions.decide import decide
from daemon.core.decisions.silence import POLL_S, RECENT_STEPS, STEPS_LONG, Silence, silence_limit_s
from daemon.core.decisions.snapshot import WorkerState
from tests.core import worlds as w


def after(*looks: float) -> Silence:
    silence = Silence()
    for passed_s in looks:
        silence = silence.after_poll(passed_s)
    return silence


def test_silence_is_what_passed_between_looks() -> None:
    assert after(2.0, 2.0, 1.5).seconds == 5.5


def test_a_night_of_sleep_between_two_looks_counts_as_one_look() -> None:
    assert after(2.0, 8 * 3600.0, 2.0).seconds == 4.0 + POLL_S


def test_a_word_ends_the_silence_and_a_step_tells_how_long_steps_are() -> None:
    silence = after(2.0, 2.0).after_report(1.0, step=True)
    assert (silence.seconds, silence.step_s) == (0.0, 5.0)
    assert silence.after_poll(9.0).after_report(0.0, step=False).step_s == 5.0


def test_only_the_last_steps_count() -> None:
    silence = after(9.0).after_report(0.0, step=True)
    for _ in range(RECENT_STEPS):
        assert silence.step_s == 9.0
        silence = silence.after_report(1.0, step=True)
    assert silence.step_s == 1.0


def test_the_limit_is_that_of_the_settings_or_follows_from_the_steps() -> None:
    assert silence_limit_s(600.0, 1.0) == 600.0
    assert silence_limit_s(600.0, 100.0) == 100.0 * STEPS_LONG


def test_a_throttled_trainer_whose_steps_are_long_is_left_alone() -> None:
    def trainer(silent_s: float) -> WorkerState:
        return WorkerState("busy", "r000007", silent_s=silent_s, step_s=100.0)

    def decided(silent_s: float) -> list[do.Action]:
        return decide(w.quiet(run=w.run(1), running=w.running(1), trainer=trainer(silent_s)))

    assert decided(999.0) == []
    assert decided(1001.0) == [do.EndTrainer("silent for 1001 s", dead=True)]
