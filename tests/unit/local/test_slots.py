"""Places for clusters on one machine."""

from pathlib import Path

import pytest

from localcluster import slots


@pytest.fixture(autouse=True)
def _own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "root", lambda: tmp_path / "run")


def _home(tmp_path: Path, name: str) -> Path:
    home = tmp_path / name
    home.mkdir()
    return home


def test_two_clusters_share_nothing(tmp_path: Path) -> None:
    """Run folder, bridge, network and pod range differ."""
    one, two = (slots.claim(_home(tmp_path, name)) for name in ("one", "two"))

    assert one.run != two.run
    assert {one.bridge, one.network, one.pod_range}.isdisjoint({two.bridge, two.network, two.pod_range})


def test_a_slot_is_found_by_its_cluster_until_released(tmp_path: Path) -> None:
    """`find` returns the claimed slot, and none after it was given back."""
    home = _home(tmp_path, "one")
    claimed = slots.claim(home)

    assert claimed == slots.find(home)
    slots.release(claimed)
    assert slots.find(home) is None


def test_a_released_slot_is_the_next_to_be_claimed(tmp_path: Path) -> None:
    """The lowest free number is taken."""
    first = slots.claim(_home(tmp_path, "one"))
    slots.claim(_home(tmp_path, "two"))
    slots.release(first)

    assert first.number == slots.claim(_home(tmp_path, "three")).number


def test_the_slot_of_a_cluster_that_vanished_is_taken_over(tmp_path: Path) -> None:
    """A slot whose cluster has neither folder nor processes is free."""
    home = _home(tmp_path, "gone")
    abandoned = slots.claim(home)
    home.rmdir()

    assert abandoned.number == slots.claim(_home(tmp_path, "new")).number
