"""Settings that another release saved go on to mean what they meant (fault: an upgrade that removed
or tightened one setting crashed the runs in progress and made old versions unreproducible).
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from daemon.core.decisions.audits import AuditRequest
from daemon.core.evaluation.evaluations import EvaluationRequest, Subject
from daemon.core.evaluation.sweeps import SweepRequest, Trial
from daemon.core.records import from_json_value, to_json_value
from daemon.core.training.fallback import Fallback
from daemon.core.training.judgement import Judgement, PairedComparison
from daemon.core.training.progress import Progress, Sample
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.jobs import Intake, JobCard, card_from_record, card_to_record
from daemon.core.workspace.versions import AdapterSpec
from daemon.errors import SavedSettingsFault, SettingsFault
from daemon.settings import Settings
from daemon.settings_file import parse_settings, with_saved_own
from daemon.settings_records import DAEMONS_OWN, read_saved, to_record, usable_settings

CHOSEN = """
[training]
epochs = 7
prefix = "brief"
[prefixes]
brief = "Answer in one word"
[targets]
"*.main" = 0.9
"""


def saved(text: str = CHOSEN) -> dict[str, Any]:
    """Return settings as they lie on the disk."""
    record: dict[str, Any] = json.loads(json.dumps(to_record(parse_settings(text, "x"))))
    return record


def whys(record: dict[str, Any]) -> dict[str, str]:
    return {one.setting: one.why for one in read_saved(record).misfits}


def test_what_this_release_saved_it_reads_as_it_was() -> None:
    record = saved()
    assert record["schema_version"] == 1
    assert usable_settings(record) == parse_settings(CHOSEN, "x")
    assert read_saved(record).settings == parse_settings(CHOSEN, "x")
    assert read_saved(record).misfits == ()


def test_settings_from_before_their_form_was_numbered_are_read() -> None:
    record = saved()
    del record["schema_version"]
    assert usable_settings(record) == parse_settings(CHOSEN, "x")


def test_a_key_and_a_section_that_are_gone_are_left_out_and_named() -> None:
    """`extra="forbid"`, meant for a slip of the pen in the user's file, held for records too."""
    record = saved()
    record["training"]["max_grad_norm"] = 0.5
    record["teacher"] = {"model": "large"}
    assert usable_settings(record) == parse_settings(CHOSEN, "x")
    assert whys(record) == {"training.max_grad_norm": "unknown", "teacher": "unknown"}


def test_a_value_outside_todays_range_is_kept_and_named() -> None:
    """A run that was asked for with rank 5000 is not trained with another one."""
    record = saved()
    record["training"] |= {"rank": 5000, "scale": 2000.0, "prefix": "brief"}
    record["evaluation"]["suites"] = ["one", "two"]
    settings = usable_settings(record)
    assert (settings.training.rank, settings.training.effective_scale) == (5000, 2000.0)
    assert (settings.training.epochs, settings.evaluation.suites) == (7, ("one", "two"))
    assert whys(record) == {"training.rank": "out_of_range", "training.scale": "out_of_range"}
    again = json.loads(json.dumps(to_record(settings)))
    assert usable_settings(again) == settings, "and so is one that is saved again"


def test_what_is_missing_has_todays_default_and_is_named() -> None:
    record = saved()
    del record["training"]["clip_norm"], record["replay"]
    settings = usable_settings(record)
    assert settings == parse_settings(CHOSEN, "x")
    assert whys(record) == {"training.clip_norm": "missing", "replay": "missing"}


def test_a_rule_between_settings_that_is_stricter_now_is_not_asked_of_old_ones() -> None:
    record = saved()
    record["training"] |= {"scale": 3.0, "alpha": 1.0}
    assert usable_settings(record).training.effective_scale == 3.0


def test_a_value_that_means_nothing_any_more_is_named_not_replaced() -> None:
    """To train with another optimizer than the one asked for would be another run."""
    record = saved()
    record["training"] |= {"optimizer": "sophia", "epochs": "many"}
    with pytest.raises(SavedSettingsFault) as caught:
        usable_settings(record)
    message = caught.value.message
    assert "training.optimizer = 'sophia'" in message and "training.epochs = 'many'" in message


def test_a_value_that_no_saved_work_is_done_by_keeps_none_from_going_on() -> None:
    record = saved()
    record["server"]["address"], record["log"]["level"] = "localhost", "trace"
    record["privacy"]["refuse"] = ["passport"]
    assert usable_settings(record).training.epochs == 7
    assert whys(record) == {"log.level": "unusable", "privacy.refuse": "unusable"}
    with pytest.raises(SavedSettingsFault, match="passport"):
        usable_settings(record, idle=DAEMONS_OWN)


@pytest.mark.parametrize("form", [2, "1", None])
def test_settings_of_a_later_form_are_refused_by_name(form: object) -> None:
    with pytest.raises(SavedSettingsFault, match="schema_version"):
        usable_settings(saved() | {"schema_version": form})


def test_keys_of_the_users_own_stay() -> None:
    record = saved()
    record["gone"] = 1
    record["prefixes"]["a b"] = "said before names had rules"
    record["targets"]["*.magic"] = 1
    settings = usable_settings(record)
    assert settings.prefix is not None and settings.prefix.text == "Answer in one word"
    assert len(settings.prefixes.texts) == 2 and len(settings.targets.wanted) == 1
    assert whys(record) == {"gone": "unknown", "targets.*.magic": "unknown"}


@pytest.mark.parametrize("damage", [[], 7, "x", None])
@pytest.mark.parametrize("section", ["training", "prefixes", "server"])
def test_a_section_that_is_no_table_is_named(section: str, damage: object) -> None:
    assert whys(saved() | {section: damage})[section] == "unusable"


def test_any_one_setting_may_be_missing_or_strange_and_the_others_are_read() -> None:
    for section, values in saved().items():
        for name in values if isinstance(values, dict) else ():
            if section in ("prefixes", "targets") or (section, name) == ("training", "prefix"):
                continue
            record = saved()
            del record[section][name]
            assert whys(record) == {f"{section}.{name}": "missing"}
            record[section][name] = {"strange": [1]}
            settings = read_saved(record).settings
            assert settings.model_dump(exclude={section}) == usable_settings(saved()).model_dump(
                exclude={section}
            )


# --- a job's own --------------------------------------------------------------------------------


def test_a_waiting_jobs_own_settings_lose_only_what_is_gone() -> None:
    """One removed key made all of a job's own settings count nothing, without a word."""
    own = "[training]\nepochs = 9\ngone = 1\nlearning_rate = 3.0\nrank = 2\n[teacher]\nmodel = 1\n"
    found = with_saved_own(Settings(), own)
    training = found.settings.training
    assert (training.epochs, training.learning_rate, training.rank) == (9, 3.0, 16)
    assert {(one.setting, one.why) for one in found.misfits} == {
        ("training.gone", "unknown"),
        ("training.learning_rate", "out_of_range"),
        ("training.rank", "unknown"),
        ("teacher", "unknown"),
    }


@pytest.mark.parametrize("own", ["no toml =", '[training]\nprefix = "gone"\n'])
def test_own_settings_that_cannot_be_used_leave_the_common_ones(own: str) -> None:
    assert with_saved_own(Settings(), own).settings == Settings()


def test_the_users_own_file_is_still_read_strictly() -> None:
    with pytest.raises(SettingsFault, match="unknown key"):
        parse_settings("[training]\ngone = 1\n", "x")


# --- other records ------------------------------------------------------------------------------

SPEC = AdapterSpec("lora", 4, 2.0, 0.0, 2, ())
BASE = BaseFacts("m", "n", "f", "t", "c", "d", "s", "a", 1, 2, 3)
INTAKE = Intake("accepted", "", "", 1, 2, "t", "c")
CARD = JobCard("000001-a", 1, "normal", "a.jsonl", "2026", intake=INTAKE)
TRIAL = Trial(1, {"rank": 4}, "finished", ((1.0, 2.0),), ((3.0, 4),), 5, 6.0)
SWEEP = SweepRequest("s000001", "2026", "f", None, None, {}, BASE, 0, 1, 2, None, 3, 4, {}, {})
SUBJECT = Subject("v1", "version", "v000001", adapter=SPEC)
EVALUATION = EvaluationRequest("e000001", "2026", "t", {}, {}, (SUBJECT,), None)
AUDIT = AuditRequest("a000001", "2026", "v2", "v1", ("j",), BASE, {}, SPEC)


def read(kind: type) -> Callable[[Any], Any]:
    return lambda record: from_json_value(record, kind)


PROGRESS = Progress(3, recent_samples=(Sample(1, "p", "g", "a", True, "j"),))


@pytest.mark.parametrize(
    ("value", "record", "read"),
    [
        (SPEC, to_json_value(SPEC), read(AdapterSpec)),
        (BASE, to_json_value(BASE), read(BaseFacts)),
        (CARD, card_to_record(CARD), card_from_record),
        (TRIAL, to_json_value(TRIAL), read(Trial)),
        (SWEEP, to_json_value(SWEEP), read(SweepRequest)),
        (EVALUATION, to_json_value(EVALUATION), read(EvaluationRequest)),
        (AUDIT, to_json_value(AUDIT), read(AuditRequest)),
        (PROGRESS, to_json_value(PROGRESS), read(Progress)),
        (Fallback(7, 64), to_json_value(Fallback(7, 64)), read(Fallback)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_record_with_a_key_that_is_gone_is_read_without_it(
    value: object, record: dict[str, Any], read: Any
) -> None:
    """A field that a release drops made every record that still had it a damaged one."""
    known = json.loads(json.dumps(record))
    assert read(strange(known)) == value


def strange(record: Any) -> Any:
    """Return a record with a further key in each of its tables that has keys of the daemon's."""
    if isinstance(record, list):
        return [strange(item) for item in record]
    if not isinstance(record, dict) or not record or set(record) <= {"rank"}:
        return record
    return {key: strange(value) for key, value in record.items()} | {"gone_since": [1]}


def test_a_judgement_with_a_key_that_is_gone_is_read_without_it() -> None:
    """The draft of a candidate was called damaged for it, and its run was trained anew."""
    test = vars(PairedComparison("own", "v1", 9, -0.1, 0.5, 0.5))
    found = from_json_value(
        {"finite": True, "changed": True, "tests": [{**test, "gone": 1}]}, Judgement
    )
    assert found.comparisons == (PairedComparison(**test),)
