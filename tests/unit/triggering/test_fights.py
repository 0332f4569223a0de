"""When putting an image back becomes a fight."""

from __future__ import annotations

from imagestreams.triggering.fights import REVERTS, WINDOW, Fights
from imagestreams.triggering.patch import Move
from imagestreams.triggering.workload import WorkloadKey

KEY = WorkloadKey("deployments", "shop", "web")
MOVE = Move("web", "app:1", "theirs", "ours")


def test_a_tag_that_moves_often_is_no_fight() -> None:
    """Any number of different images is written without a wait."""
    fights = Fights()
    for number in range(100):
        move = Move("web", "app:1", f"image{number}", f"image{number + 1}")
        assert 0.0 == fights.wait(KEY, [move], float(number))
        fights.wrote(KEY, [move], float(number))


def test_a_few_edits_by_hand_are_put_back_at_once() -> None:
    """The first image and so many reverts are written without a wait."""
    fights = Fights()
    for number in range(REVERTS + 1):
        assert 0.0 == fights.wait(KEY, [MOVE], float(number))
        fights.wrote(KEY, [MOVE], float(number))


def test_a_fight_is_damped_and_another_image_is_not() -> None:
    """After so many reverts the same image waits for the first to be a minute old; the next does not."""
    fights = Fights()
    for number in range(REVERTS + 1):
        fights.wrote(KEY, [MOVE], float(number))

    assert 1.0 + WINDOW - 10.0 == fights.wait(KEY, [MOVE], 10.0)
    assert 0.0 == fights.wait(KEY, [Move("web", "app:1", "theirs", "newer")], 10.0)
    assert 0.0 == fights.wait(KEY, [MOVE], 1.0 + WINDOW)


def test_a_workload_that_is_gone_is_forgotten() -> None:
    """A workload of the same name that is made later starts anew."""
    fights = Fights()
    for number in range(REVERTS + 1):
        fights.wrote(KEY, [MOVE], float(number))
    fights.drop(KEY)
    assert 0.0 == fights.wait(KEY, [MOVE], 10.0)
