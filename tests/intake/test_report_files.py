"""What lies beside a job's rows for people, and what is done with quality and privacy."""

from pathlib import Path

import pytest

from daemon.layout import Layout
from daemon.settings_file import parse_settings
from daemon.text.encoder import TextEncoder
from tests.clocks import StillClock
from tests.intake.bench import Bench, codes, pair
from tests.intake.real import faq

from daemon.intake.outside import Compared, examine  # isort: skip


def test_every_job_has_its_report_as_a_page_and_a_picture(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "[training]\nmax_row_tokens = 8192\n", pictures=True)
    bench.take_in(faq("faq-en-alpaca.jsonl"))
    page = bench.place.report_page.read_text()
    assert "503" in page and "plotly" in page and "http://" not in page.split("<script")[0]
    assert bench.place.report_picture.read_bytes().startswith(b"\x89PNG")
    bench.take_in(b"%PDF-1.7")
    assert "a PDF document" in bench.place.report_page.read_text()
    assert not bench.place.report_picture.exists()


def test_only_the_best_share_is_kept_where_it_is_asked_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "[quality]\nkeep_share = 0.9\n")
    answer = "It is a long and complete answer about the matter, number {}."
    rows = [{"prompt": f"Ask {n} of it", "completion": answer.format(n)} for n in range(36)]
    rows += [
        {"prompt": f"Ask {n} of it", "completion": "it goes on and on and " * 40 + "on and"}
        for n in range(36, 40)
    ]
    report = bench.take_in(rows)
    assert codes(report) == {"low_quality": 4}
    assert [row["line"] for row in bench.rows("rejected")] == [37, 38, 39, 40]
    assert report["quality"]["histogram"] and all("quality" in row for row in bench.rows("train"))


def test_private_data_is_counted_never_shown_and_refused_on_request(tmp_path: Path) -> None:
    """Fault P21."""
    secret = {"prompt": "who is it", "completion": "write to anna.berg@firma.se today"}
    bench = Bench(tmp_path / "a")
    report = bench.take_in([*map(pair, range(5)), secret, {"prompt": "anna.berg@firma.se"}])
    assert report["secrets"] == {"rows": 1, "kinds": {"email": 1}} and report["rows"]["train"] == 6
    assert "anna.berg" not in bench.place.report.read_text()
    bench = Bench(tmp_path / "b", '[privacy]\nrefuse = ["email"]\n')
    report = bench.take_in([*map(pair, range(5)), secret])
    assert codes(report) == {"private": 1} and report["verdict"] == "accepted"


@pytest.mark.parametrize(
    ("policy", "trained", "key"), [("split", 6, "split"), ("truncate", 6, "truncated")]
)
def test_rows_that_are_too_long_become_what_the_setting_says(
    tmp_path: Path, policy: str, trained: int, key: str
) -> None:
    bench = Bench(tmp_path, f'[training]\nmax_row_tokens = 120\nover_long = "{policy}"\n')
    turns = [{"role": "user", "content": "q" * 30}, {"role": "assistant", "content": "a" * 30}]
    long = (
        {"messages": [*turns, *turns]}
        if policy == "split"
        else {
            "messages": [
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "a" * 300},
            ]
        }
    )
    report = bench.take_in([*map(pair, range(5)), long])
    assert report["rows"]["train"] >= trained - 1 and report["tokens"][key] == 1
    assert all(row["tokens"] <= 120 for row in bench.rows("train"))


def test_a_look_from_outside_leaves_nothing_behind(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "ws")
    file = tmp_path / "mine.jsonl"
    file.write_bytes(faq("faq-en-alpaca.jsonl"))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    before = sorted(path for path in bench.layout.root.rglob("*"))
    found = examine(
        file,
        scratch,
        Layout(bench.layout.root),
        parse_settings("[training]\nmax_row_tokens = 8192\n", "t"),
        TextEncoder.load(bench.layout.base("tiny")),
        Compared(),
        StillClock(),
    )
    assert found.report["verdict"] == "accepted" and found.report["name"] == "mine.jsonl"
    assert found.folder.train.exists()
    assert sorted(path for path in bench.layout.root.rglob("*")) == before
    assert file.read_bytes() == faq("faq-en-alpaca.jsonl")
