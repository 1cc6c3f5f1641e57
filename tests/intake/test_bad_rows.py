"""Every bad row is refused with its reason and line, and the good ones stay (fault P1)."""

from pathlib import Path

import pytest

from daemon.folders.disk.file_state import FileState
from tests.intake.bench import Bench, codes, pair


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


GOOD = [pair(n) for n in range(6)]
ASKS = {"role": "user", "content": "hi"}
SAYS = {"role": "assistant", "content": "ho"}


@pytest.mark.parametrize(
    ("code", "row"),
    [
        ("bad_json", b'{"prompt": "a", "completion": }'),  # P1
        ("not_finite", b'{"prompt": "a", "completion": NaN}'),  # P3
        ("not_finite", b'{"prompt": "a", "completion": -Infinity}'),  # P3
        ("not_finite", b'{"prompt": "a", "completion": 1e400}'),  # P4
        ("repeated_key", b'{"prompt": "a", "prompt": "b", "completion": "c"}'),  # P5
        ("not_utf8", b'{"prompt": "\xff", "completion": "b"}'),  # P8
        ("lone_surrogate", b'{"prompt": "\\ud800", "completion": "b"}'),  # P9
        ("bad_json", b'{"prompt": "a\x00", "completion": "b"}'),  # P10
        ("too_deep", b'{"x": ' + b"[" * 32 + b"]" * 32 + b"}"),  # P12
        ("too_deep", b'{"x": ' + b"[" * 1_000 + b"]" * 1_000 + b"}"),  # P12
        ("too_deep", b'{"x": ' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}"),  # P12
        ("not_finite", b'{"prompt": "a", "completion": ' + b"9" * 5000 + b"}"),  # P13
        ("several_values", b'{"prompt": "a"} {"completion": "b"}'),  # P14
        ("not_an_object", b"17"),  # P15
        ("not_an_object", b'["a"]'),  # P15
        ("not_an_object", b"null"),  # P15
        ("unknown_format", {"question": "a"}),  # P16
        ("unknown_role", {"messages": [{"role": "wizard", "content": "a"}, SAYS]}),  # P16
        ("empty_content", {"messages": [{"role": "user", "content": "  "}, SAYS]}),  # P16
        ("content_not_text", {"messages": [{"role": "user", "content": {"x": 4}}, SAYS]}),  # P16
        ("bad_tool_call", {"messages": [ASKS, SAYS | {"tool_calls": [{}]}]}),  # P16
        ("bad_weight", {"messages": [ASKS, SAYS | {"weight": 0.5}]}),  # P16
        ("no_supervised_turn", {"messages": [ASKS, SAYS | {"weight": 0}]}),  # P16
        ("bad_tools", {"messages": [ASKS, SAYS], "tools": [{"x": 1}]}),  # P16
        ("last_turn_not_assistant", {"messages": [ASKS]}),  # P16
        ("system_not_first", {"messages": [ASKS, {"role": "system", "content": "x"}, SAYS]}),
        ("no_user_turn", {"messages": [SAYS]}),  # P16
        ("no_messages", {"messages": []}),  # P16
        ("bad_message", {"messages": ["hi"]}),  # P16
        ("unknown_format", {"prompt": "a", "completion": None}),  # P16
        ("empty_content", {"instruction": "", "output": "b"}),  # P16
        ("content_not_text", {"text": ["a"]}),  # P16
        ("bad_group", {"prompt": "a", "completion": "b", "group": 3}),  # P16
        ("too_long", {"prompt": "word " * 3000, "completion": "b"}),  # P17
    ],
)
def test_a_bad_row_is_refused_alone_and_found_again(
    bench: Bench, code: str, row: bytes | dict[str, object]
) -> None:
    report = bench.take_in([*GOOD[:3], row, *GOOD[3:]])
    assert report["verdict"] == "accepted" and codes(report) == {code: 1}
    assert report["rows"]["train"] == len(GOOD)
    [refused] = bench.rows("rejected")
    assert (refused["line"], refused["code"]) == (4, code)
    original = bench.place.original.read_bytes()
    bytes_of_row = original[refused["offset"] : refused["offset"] + refused["length"]]
    assert bytes_of_row == original.split(b"\n")[3]
    assert (
        report["reasons"][0]["hint"] and len(report["reasons"][0]["examples"][0]["excerpt"]) <= 121
    )


def test_a_key_that_only_looks_repeated_is_none(bench: Bench) -> None:
    """The quick count may suspect, the slow one decides (fault P5)."""
    row = {"prompt": 'say "a": and "a": again', "completion": "b"}
    assert codes(bench.take_in([*GOOD, row])) == {}


def test_a_cut_last_line_says_that_it_may_still_be_written(bench: Bench) -> None:
    """Faults N2, P2."""
    data = b'{"prompt": "a", "completion": "b"}\n{"prompt": "c", "compl'
    assert codes(bench.take_in(data)) == {"incomplete_last_line": 1}


def test_a_whole_last_line_needs_no_newline(bench: Bench) -> None:
    """And one row is enough (fault N15)."""
    assert bench.take_in(b'{"prompt": "a", "completion": "b"}')["rows"]["train"] == 1


def test_a_mark_at_the_start_is_left_out_with_a_warning(bench: Bench) -> None:
    """Fault P6."""
    report = bench.take_in(b'\xef\xbb\xbf{"prompt": "a", "completion": "b"}\r\n')
    assert report["rows"]["train"] == 1 and report["warnings"]


def test_a_nul_that_is_written_as_its_number_is_text(bench: Bench) -> None:
    """Fault P10."""
    assert bench.take_in(b'{"prompt": "a\\u0000b", "completion": "c"}')["rows"]["train"] == 1
    assert bench.rows("train")[0]["messages"][0]["content"] == "a\0b"


def test_a_file_that_changes_while_it_is_read_is_not_taken(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault N2."""
    states = iter([FileState(1, 10, 1), FileState(1, 20, 2)])
    monkeypatch.setattr("daemon.intake.taking.FileState.of", lambda _: next(states))
    assert bench.take_in(GOOD)["verdict"] == "changed"


def test_line_separators_inside_texts_do_not_split_rows(bench: Bench) -> None:
    """Fault P11."""
    rows = [{"prompt": f"a\u2028b\u0085{n}", "completion": "c"} for n in range(3)]
    data = "\r\n".join(__import__("json").dumps(r, ensure_ascii=False) for r in rows).encode()
    assert bench.take_in(data)["rows"]["train"] == 3


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("empty", b""),  # N15
        ("empty", b"\n \n"),  # N15
        ("wrong_encoding", '{"prompt": "a"}'.encode("utf-16-le")),  # P7
        ("wrong_encoding", b"\xff\xfe{\x00\x00\xdc{\x00"),  # P7
        ("broken_json", b'[{"prompt": "a", "completion": "b"},\n{"prompt" "c"}, {}]'),  # P14
        ("damaged", b"\0" * 4096),
    ],
)
def test_a_file_no_line_of_which_can_be_read_is_refused_once(
    bench: Bench, code: str, data: bytes
) -> None:
    report = bench.take_in(data)
    assert (report["verdict"], report["code"]) == ("refused", code)
    assert codes(report) == {code: 1} and report["reasons"][0]["hint"]
    assert bench.place.original.read_bytes() == data


def test_a_long_line_is_refused_without_being_held(tmp_path: Path) -> None:
    """Fault N16."""
    bench = Bench(tmp_path, "[intake]\nmax_line_bytes = 1000\n")
    report = bench.take_in([*GOOD, b'{"text": "' + b"x" * 200_000 + b'"}', pair(9)])
    assert codes(report) == {"line_too_long": 1} and report["rows"]["train"] == 7
    assert bench.rows("rejected")[0]["raw"] is None


def test_a_file_over_the_size_limit_is_not_read(tmp_path: Path) -> None:
    """Fault N16."""
    bench = Bench(tmp_path, "[intake]\nmax_file_bytes = 10\n")
    assert bench.take_in(GOOD)["code"] == "file_too_large"


def test_too_many_bad_rows_refuse_the_file_and_few_do_not(bench: Bench) -> None:
    """A file of comments is one of bad rows (faults N15, P1)."""
    assert bench.take_in([b"# a comment", b"// another"])["verdict"] == "refused"
    bad = [b"{"] * 7
    assert bench.take_in([*bad, *GOOD])["code"] == "too_many_bad_rows"
    assert bench.take_in([*bad[:3], *GOOD])["verdict"] == "accepted"


def test_many_equal_problems_are_counted_and_shown_a_few_times(bench: Bench) -> None:
    """Fault P14."""
    report = bench.take_in([b"{"] * 400)
    [reason] = report["reasons"]
    assert reason["count"] == 400 and len(reason["examples"]) == 5


def test_a_control_token_in_a_text_stays_text(bench: Bench) -> None:
    """Fault P19."""
    plain, forged = (
        bench.take_in([pair(1)]),
        bench.take_in([{"prompt": "question 1<|im_end|>", "completion": "answer 1"}]),
    )
    assert forged["tokens"]["train"] > plain["tokens"]["train"] + 1


def test_refused_rows_come_back_mended(bench: Bench) -> None:
    bench.take_in([*GOOD, b'{"prompt": "a", "completion": "b",}'])
    [row] = bench.rows("rejected")
    mended = row | {"raw": '{"prompt": "a", "completion": "b"}'}
    report = bench.take_in([mended])
    assert report["rows"]["train"] == 1
    assert bench.rows("train")[0]["messages"][0]["content"] == "a"


def test_wrong_own_settings_refuse_the_job_in_words(bench: Bench) -> None:
    for own in (
        "[training]\nrank = 4\n",
        "[inbox]\nsettle_s = 1\n",
        "not toml",
        "[training]\nx=1\n",
    ):
        report = bench.take_in(GOOD, own=own)
        assert (report["verdict"], report["code"]) == ("refused", "bad_own_settings")
