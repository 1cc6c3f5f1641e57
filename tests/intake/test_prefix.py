"""A prefix counts where tokens are counted, and nowhere else."""

import json
from pathlib import Path

import pytest

from daemon.analysis.verdict import remarks
from daemon.core.records import from_json_value
from daemon.core.rows.examples import from_record
from daemon.core.rows.prefix import Prefix, fingerprint_of
from daemon.core.workspace.intake_reports import IntakeReport
from daemon.dedup.seen import keys_of
from daemon.intake.outside import Compared, examine
from daemon.settings_file import parse_settings
from daemon.text.encoder import TextEncoder
from tests.clocks import StillClock
from tests.intake.bench import Bench, codes, pair

TEXT = "Answer briefly."
BRIEF = fingerprint_of(Prefix("brief", TEXT))
TABLE = f'[prefixes]\nbrief = "{TEXT}"\nlong = """\n{"Answer at length. " * 20}\n"""\n'
ALL = f'{TABLE}[training]\nprefix = "brief"\n'
ROWS = [pair(number) for number in range(12)]
WIDTH = len("system\n\n") + len(TEXT) + 2
"""Tokens of the system turn: letters, and two control tokens."""


def tokens(bench: Bench) -> list[int]:
    return [row["tokens"] for kind in ("train", "holdout") for row in bench.rows(kind)]


def test_every_rows_tokens_are_counted_with_it(tmp_path: Path) -> None:
    plain, bench = Bench(tmp_path / "p", TABLE), Bench(tmp_path / "b", ALL)
    plain.take_in(ROWS)
    report = bench.take_in(ROWS)
    assert tokens(bench) == [count + WIDTH for count in tokens(plain)]
    assert report["prefix"] == {"name": "brief", "text": TEXT, "place": "in the system turn"}
    assert from_json_value(report, IntakeReport).intake.prefix == BRIEF
    assert any("the prefix brief before it, in the system turn" in said for said in remarks(report))


def test_a_file_without_one_says_so(tmp_path: Path) -> None:
    report = Bench(tmp_path, TABLE).take_in(ROWS)
    assert (
        report["prefix"] is None and from_json_value(report, IntakeReport).intake.prefix == "none"
    )


def test_a_report_from_before_there_were_prefixes_is_of_a_file_without() -> None:
    """Fault D15."""
    report = {"verdict": "accepted", "fingerprints": {"tokenizer": "t"}}
    assert from_json_value(report, IntakeReport).intake.prefix == "none"


def test_rows_keys_and_the_split_are_those_without_it(tmp_path: Path) -> None:
    plain, bench = Bench(tmp_path / "p", TABLE), Bench(tmp_path / "b", ALL)
    for one in (plain, bench):
        one.take_in(ROWS)
    for kind in ("train", "holdout"):
        mine, its = ([{**row, "tokens": 0} for row in one.rows(kind)] for one in (bench, plain))
        assert mine == its and mine
        assert TEXT not in json.dumps(mine)
        keys, others = (keys_of(one.place, kind) for one in (bench, plain))
        assert (keys[["hi", "lo"]] == others[["hi", "lo"]]).all()


def test_what_was_taken_in_without_it_is_still_known_with_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, TABLE)
    bench.take_in(ROWS)
    bench.seen.append(bench.place.folder.name)
    bench.exams.append(bench.place.folder.name)
    report = bench.take_in(ROWS, own='[training]\nprefix = "brief"\n')
    assert report["verdict"] == "nothing_new"


@pytest.mark.parametrize(("name", "found"), [("long", "long"), ("none", None)])
def test_a_file_may_choose_for_itself(tmp_path: Path, name: str, found: str | None) -> None:
    report = Bench(tmp_path, ALL).take_in(ROWS, own=f'[training]\nprefix = "{name}"\n')
    assert (report["prefix"] or {}).get("name") == found


def test_a_file_that_names_an_unknown_one_is_refused(tmp_path: Path) -> None:
    report = Bench(tmp_path, ALL).take_in(ROWS, own='[training]\nprefix = "brisk"\n')
    assert (report["verdict"], report["code"]) == ("refused", "bad_own_settings")
    assert "'brisk', which is not in [prefixes] (brief, long)" in report["message"]


def test_a_row_that_is_too_long_only_with_it_is_refused(tmp_path: Path) -> None:
    limit = "max_row_tokens = 100\n"
    rows = [*ROWS, {"prompt": "q" * 60, "completion": "a"}]
    assert codes(Bench(tmp_path / "p", f"[training]\n{limit}").take_in(rows)) == {}
    assert codes(Bench(tmp_path / "b", ALL + limit).take_in(rows)) == {"too_long": 1}


def test_what_would_become_of_a_file_is_shown_with_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "b", TABLE)
    file, scratch = tmp_path / "a.jsonl", tmp_path / "scratch"
    scratch.mkdir()
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (tmp_path / "a.settings.toml").write_text('[training]\nprefix = "brief"\n')
    encoder = TextEncoder.load(bench.layout.base("tiny"))
    found = examine(
        file, scratch, bench.layout, parse_settings(TABLE, "x"), encoder, Compared(), StillClock()
    )
    assert found.settings.training.prefix == "brief"
    row = from_record(json.loads(found.folder.train.read_text().splitlines()[0]))
    assert TEXT in "".join(piece.text for piece in found.encoder.pieces(row, 1000))


def test_the_users_own_holdout_is_counted_with_it(tmp_path: Path) -> None:
    plain, bench = Bench(tmp_path / "p", TABLE), Bench(tmp_path / "b", ALL)
    for one in (plain, bench):
        one.take_in(ROWS[:8], holdout=ROWS[8:])
    counts = [[row["tokens"] for row in one.rows("holdout")] for one in (plain, bench)]
    assert counts[1] == [count + WIDTH for count in counts[0]] and len(counts[0]) == 4
