"""How often the trainer says what it does."""

from daemon.core import messages as say
from daemon.training.progress_notes import NOTE_EVERY_S, ProgressNotes
from tests.clocks import StillClock
from tests.training.workspace import ScriptedPipe, silent


def test_a_note_is_sent_at_once_and_then_at_most_every_second() -> None:
    """Thousands of items are scored in a second; each of them was a line once."""
    pipe, clock = ScriptedPipe((), silent), StillClock()
    notes = ProgressNotes(pipe, clock)
    for _ in range(5):
        notes.send("scoring")
        clock.pass_s(NOTE_EVERY_S / 2)
    assert pipe.sent == [say.Alive("scoring")] * 3
