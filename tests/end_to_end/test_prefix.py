"""A prefix from the settings to the manifest, with real processes."""

from pathlib import Path

from tests.end_to_end.workspace import Workspace, chats

HEAD = "[inbox]\nsettle_s = 0.1\n[evaluation]\neval_every = 0\n"


def settings(text: str, chosen: str) -> str:
    return f'{HEAD}[prefixes]\nbrief = "{text}"\n[training]\nprefix = "{chosen}"\n'


def test_a_prefix_that_is_edited_while_a_file_waits_counts_for_it(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "w", settings=settings("Answer briefly.", "brief"))
    with space:
        space.touch("pause")
        own = space.layout.inbox / "own.settings.toml"
        own.write_text('[training]\nprefix = "none"\n')
        space.drop("own.jsonl", chats(12))
        space.start()
        space.wait("the first file", lambda: len(space.jobs("normal")) == 1)
        space.drop("all.jsonl", chats(12, start=100))
        space.wait("the second file", lambda: len(space.jobs("normal")) == 2)
        assert [space.report("normal", n)["prefix"] for n in (0, 1)] == [
            None,
            {"name": "brief", "text": "Answer briefly.", "place": "in the system turn"},
        ]
        space.layout.settings_file.write_text(settings("Be curt.", "brief"))
        space.touch("resume")
        space.wait("two versions", lambda: len(space.jobs("done")) == 2)
        space.wait("its promotion", lambda: space.told("promoted", version="v000002"))
        manifests = [space.manifest(version) for version in ("v000001", "v000002")]
    assert [m["prefix"] for m in manifests] == [None, {"name": "brief", "text": "Be curt."}]
    assert "(the prefix brief)" in space.told("promoted", version="v000002")[0]["message"]
    assert "prefix" not in space.told("promoted", version="v000001")[0]["message"]
    again = space.told("intake_again")
    assert [event["job"] for event in again] == ["000002-all"]
    assert "another prefix" in again[0]["message"]


def test_a_file_whose_own_prefix_is_gone_is_refused_not_trained_without(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "w", settings=settings("Answer briefly.", "none"))
    with space:
        space.touch("pause")
        (space.layout.inbox / "a.settings.toml").write_text('[training]\nprefix = "brief"\n')
        space.drop("a.jsonl", chats(12))
        space.start()
        space.wait("the file", lambda: len(space.jobs("normal")) == 1)
        space.layout.settings_file.write_text(HEAD)
        space.touch("resume")
        space.wait("its end", lambda: space.jobs("failed"))
    assert "not in [prefixes]" in space.job("failed")["reason"]
