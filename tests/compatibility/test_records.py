"""Each record is one class: what lies on users' disks is read by it, and is written as it lay.

A record with a key that a later release added lost it when it was written again, and a wrong value
went on into the work as far as it could.
"""

import json
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.core.decisions.snapshot import Attempts
from daemon.core.records import Record, RecordError, from_json_value, to_json_value
from daemon.core.training.manifests import Draft, FileList, Manifest
from daemon.core.training.run_requests import RunRecord, RunRequest, SampleCount
from daemon.core.training.run_state import SavedState
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.intake_reports import IntakeReport
from daemon.core.workspace.jobs import card_from_record, card_to_record
from daemon.folders.disk.record_files import read_record, write_record
from daemon.folders.models.machine import MachineFacts
from daemon.folders.runs import runs
from daemon.training.records.choices import Choices
from tests.compatibility.make_golden import GOLDEN
from tests.manifests import manifest_record

RECORDS: dict[str, type] = {
    "models/versions/*/manifest.json": Manifest,
    "models/backups/*/manifest.json": Manifest,
    "models/runs/*/part/manifest.json": FileList,
    "models/runs/*/checkpoints/*/manifest.json": FileList,
    "models/base/*.json": BaseFacts,
    "models/runs/*/request.json": RunRequest,
    "models/runs/*/attempts.json": Attempts,
    "models/runs/*/samples.json": SampleCount,
    "models/machine.json": MachineFacts,
    "queue/*/*/report.json": IntakeReport,
    "models/runs/.ended/*.json": RunRecord,
    "models/runs/*/checkpoints/*/state.json": SavedState,
    "models/versions/*/training_state.json": SavedState,
}


@pytest.fixture(scope="module", params=sorted(GOLDEN.glob("*.tar.gz")), ids=lambda path: path.name)
def golden(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of a golden workspace."""
    root = tmp_path_factory.mktemp("golden")
    with tarfile.open(request.param) as archive:
        archive.extractall(root, filter="data")
    return root


@pytest.mark.parametrize("files", RECORDS)
def test_a_record_of_an_earlier_release_is_read_and_written_byte_for_byte(
    golden: Path, files: str
) -> None:
    for path in golden.glob(files):
        record = json.loads(path.read_bytes())
        again = to_json_value(from_json_value(record, RECORDS[files]))
        assert json.dumps(again) == json.dumps(record)


def test_the_choices_of_a_run_are_read_and_written_byte_for_byte(golden: Path) -> None:
    """They share `run.json` with the request, and stand behind it."""
    paths = [*golden.glob("models/runs/*/run.json"), *golden.glob("models/versions/*/run.json")]
    assert paths
    for path in paths:
        record = json.loads(path.read_bytes())
        record.pop(runs.CHECKSUM, None)
        request = to_json_value(from_json_value(record, RunRequest))
        choices = to_json_value(from_json_value(record, Choices))
        assert {key: record[key] for key in choices if key in record} == json.loads(
            json.dumps({key: value for key, value in choices.items() if key in record})
        )
        assert json.dumps(request | choices).startswith(json.dumps(record)[:-1])


def test_the_card_of_a_job_is_read_and_written_byte_for_byte(golden: Path) -> None:
    """A key of a later release stays: jobs are moved and so written again all the time."""
    paths = [*golden.glob("queue/*/*/job.json")]
    assert paths
    for path in paths:
        record = json.loads(path.read_bytes()) | {"of_a_later_release": [1]}
        assert json.dumps(card_to_record(card_from_record(record))) == json.dumps(record)
    moved = card_to_record(replace(card_from_record(record), alone=True))
    assert moved | record == moved | {"alone": False} and moved["alone"]


@pytest.mark.parametrize("kind", sorted({kind for kind in RECORDS.values()}, key=str))
def test_each_kind_of_record_lies_in_a_golden_workspace(kind: type) -> None:
    found = 0
    for archive in GOLDEN.glob("*.tar.gz"):
        with tarfile.open(archive) as packed:
            names = [Path(name) for name in packed.getnames()]
        found += sum(
            name.match(files) for files, its in RECORDS.items() if its is kind for name in names
        )
    assert found


KEPT = [kind for kind in RECORDS.values() if issubclass(kind, Record)]


@pytest.mark.parametrize("kind", sorted({*KEPT, Draft}, key=str))
def test_a_record_that_is_written_again_keeps_what_this_release_does_not_know(
    golden: Path, kind: type[Record], tmp_path: Path
) -> None:
    known = [path for files, its in RECORDS.items() if its is kind for path in golden.glob(files)]
    if not known and kind is not Draft:
        return
    record = json.loads(known[0].read_bytes()) if known else manifest_record()
    later = record | {"of_a_later_release": {"rank": [1]}}
    path = tmp_path / "record.json"
    path.write_text(json.dumps(later))
    write_record(path, replace(read_record(path, kind)))
    assert json.dumps(json.loads(path.read_bytes())) == json.dumps(later)


def test_what_is_changed_in_a_record_is_written_and_the_rest_stays() -> None:
    record = manifest_record(metrics={"tokens_per_s": 3, "later": 1}, later=[1])
    found = from_json_value(record, Manifest)
    again = to_json_value(replace(found, step=7, promotes=False))
    assert again == record | {"step": 7, "promotes": False}
    assert list(again) == list(record)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"step": "7"}, "Expected `int`, got `str` - at `$.step`"),
        ({"base": {}}, "Object missing required field `model` - at `$.base`"),
        ({"verdict": "maybe"}, "Invalid enum value 'maybe' - at `$.verdict`"),
        ({"job_ids": ["a", 2]}, "Expected `str`, got `int` - at `$.job_ids[1]`"),
        ({"files": {"a": {"sha256": "0"}}}, "missing required field `size` - at `$.files[...]`"),
    ],
)
def test_a_wrong_or_missing_value_is_an_error_that_names_file_and_place(
    change: dict[str, Any], told: str, tmp_path: Path
) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest_record(**change)))
    with pytest.raises(RecordError) as raised:
        read_record(path, Manifest)
    assert str(raised.value).startswith("manifest.json: ") and told in str(raised.value)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe{}", b'{"version": NaN}'])
def test_what_is_no_record_is_an_error_that_names_the_file(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(data)
    with pytest.raises(RecordError, match=r"^manifest\.json: "):
        read_record(path, Manifest)


@dataclass(frozen=True)
class Older:
    """A record that has gained a key since it was written."""

    name: str
    added: int = 3


def test_a_key_that_was_not_written_yet_has_its_default_and_is_not_invented_on_the_disk() -> None:
    """What reading leaves out, writing leaves out: an old file does not change by being looked at.

    msgspec leaves such a key to the class, so that it is written only where it is set.
    """
    found = from_json_value({"name": "a"}, Older)
    assert found == Older("a") and found.added == 3
    assert to_json_value(found) == {"name": "a"}
    assert to_json_value(Older("a")) == {"name": "a", "added": 3}
    assert issubclass(msgspec.ValidationError, ValueError)
