"""A series of tries on the disk: what each run of it has for itself, and what ends the series."""

from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.decisions.scheduling import poison
from daemon.core.decisions.snapshot import Attempts
from daemon.core.status.ledger_rows import run_record
from daemon.core.training.run_requests import RunTry
from daemon.folders.runs.run_requests import RunRequests
from daemon.layout import Layout
from tests.manifests import run_request

SECOND = RunTry(number=2, rate_share=0.5, replay_share=0.3, replay_weights={})
TWO_DEATHS = Attempts(started=2, seen=2, last_death="killed by signal 9")


@pytest.fixture
def requests(tmp_path: Path) -> RunRequests:
    """Return a workspace with a run whose trainer died twice, and its next try."""
    found = RunRequests(Layout(tmp_path))
    found.make_folders()
    found.open(run_request("r000001"))
    found.write_attempts("r000001", TWO_DEATHS)
    found.open(replace(run_request("r000002"), try_=SECOND))
    return found


def test_deaths_are_counted_anew_for_each_try(requests: RunRequests) -> None:
    """One more death of the second try would give it up, were those of the first counted too."""
    first = requests.read_or_quarantine()
    assert first is not None and first.run == "r000001" and first.next_try == "r000002"
    assert first.attempts.seen == 2 and poison(first.attempts) is None
    requests.end(run_record(requests.request("r000001"), None, "tried_again", "now"))
    second = requests.read_or_quarantine()
    assert second is not None and second.run == "r000002" and second.try_number == 2
    assert second.attempts == Attempts()
    requests.write_attempts("r000002", Attempts(started=1, seen=1))
    again = requests.read_or_quarantine()
    assert again is not None and poison(again.attempts) is None
    requests.write_attempts("r000002", Attempts(started=3, seen=3))
    spent = requests.read_or_quarantine()
    assert spent is not None and poison(spent.attempts) is not None


def test_the_end_of_a_series_outlives_the_daemon(requests: RunRequests, tmp_path: Path) -> None:
    """After `stop` and a new start the series went on with the next try."""
    requests.mark_last_try("r000001")
    again = RunRequests(Layout(tmp_path)).read_or_quarantine()
    assert again is not None and again.last_try
    requests.end(run_record(requests.request("r000001"), None, "tried_again", "now"))
    second = requests.read_or_quarantine()
    assert second is not None and not second.last_try
