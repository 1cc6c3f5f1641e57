"""What a user may write for a version, in the terminal and over HTTP."""

import pytest

from daemon.core.workspace.version_names import full_name, nearest

VERSIONS = ("v000000", "v000001", "v000012")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("12", "v000012"),
        ("v12", "v000012"),
        ("v000012", "v000012"),
        ("v0000012", "v000012"),
        ("latest", "v000012"),
        ("current", "current"),
        ("v", "v"),
        ("v-1", "v-1"),
        ("v१२", "v१२"),
        ("V12", "V12"),
        ("v12\n", "v12\n"),
        ("../v12", "../v12"),
        ("v" + "9" * 5000, "v" + "9" * 5000),
    ],
)
def test_a_number_with_or_without_its_letter_and_zeros_is_a_version(name: str, found: str) -> None:
    assert full_name(name, VERSIONS) == found


def test_latest_names_nothing_where_there_is_no_version() -> None:
    assert full_name("latest", ()) == "latest"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("curent", "current"),
        ("CURRENT", "current"),
        ("smollm2-135m", "smollm2-135m@base"),
        ("smollm2-135m@v00012", "smollm2-135m@v000012"),
        ("gpt-4o", None),
        ("", None),
        ("x" * 100_000, None),
    ],
)
def test_a_name_that_is_nearly_right_is_recognised(name: str, found: str | None) -> None:
    known = ("current", "base", "smollm2-135m@base", "smollm2-135m@v000012", "smollm2-135m@v000001")
    assert nearest(name, known) == found
