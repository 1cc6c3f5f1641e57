"""What a template leaves out, from the settings to the manifest, with real processes."""

from pathlib import Path

from tests.end_to_end.test_model_families import calls
from tests.end_to_end.workspace import Workspace, chats

HEAD = "[inbox]\nsettle_s = 0.1\n[evaluation]\neval_every = 0\n"


def test_a_file_that_waits_is_read_again_where_the_setting_changes(tmp_path: Path) -> None:
    """Its rows were counted in a form in which they would not be trained."""
    with Workspace(tmp_path / "w", settings=HEAD) as space:
        space.drop("first.jsonl", [*chats(12), *calls(6)])
        space.start()
        space.wait("the first version", lambda: len(space.jobs("done")) == 1)
        space.touch("pause")
        space.wait("the pause", lambda: space.told("paused"))
        space.drop("second.jsonl", [*chats(12, start=100), *calls(12)[6:]])
        space.wait("the second file", lambda: len(space.jobs("normal")) == 1)
        assert space.report("normal")["rows"]["rejected"] == 0
        space.layout.settings_file.write_text(f'{HEAD}[template]\nleft_out = "refuse"\n')
        space.touch("resume")
        space.wait("two versions", lambda: len(space.jobs("done")) == 2)
        manifests = [space.manifest(version) for version in ("v000001", "v000002")]
        assert [manifest["plain_form"] for manifest in manifests] == ["hermes-1", None]
        (again,) = space.told("intake_again")
        assert again["job"] == "000002-second" and "template.left_out" in again["message"]
        refused = {r["code"]: r["count"] for r in space.report("done", 1)["reasons"]}
        assert refused == {"calls_left_out": 6}
