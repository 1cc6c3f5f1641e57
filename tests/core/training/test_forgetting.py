"""What a run has forgotten, and how much is replayed then."""

from daemon.core.training.forgetting import next_share, rises


def test_rises_are_weighed_by_tokens_and_told_by_file() -> None:
    before = [(10.0, 10), (2.0, 2), (9.0, 9)]
    after = [(12.0, 10), (2.0, 2), (4.5, 9)]
    assert rises(["a", "a", "b"], before, after) == {"a": 2.0 / 12, "b": -0.5}
    assert rises(["a"], [(0.0, 0)], [(0.0, 0)]) == {}


def test_the_share_doubles_on_forgetting_and_eases_back() -> None:
    assert next_share(0.1, 0.1, 0.3, forgot=True) == 0.2
    assert next_share(0.2, 0.1, 0.3, forgot=True) == 0.3
    assert next_share(0.3, 0.1, 0.3, forgot=False) == 0.15
    assert next_share(0.15, 0.1, 0.3, forgot=False) == 0.1
    assert next_share(0.0, 0.0, 0.3, forgot=True) == 0.1
    assert next_share(0.0, 0.0, 0.0, forgot=True) == 0.0
