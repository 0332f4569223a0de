"""What is due for the shared certificate: a table, and a walk through a whole renewal."""

from __future__ import annotations

import pytest

from imagestreams.serving.rotation import Step, due

MONTH = 30 * 86_400.0


@pytest.mark.parametrize(
    ("age", "following", "former", "settled", "step"),
    [
        (0, False, False, True, Step.KEEP),
        (MONTH - 1, False, False, True, Step.KEEP),
        (MONTH, False, False, False, Step.ANNOUNCE),
        (MONTH * 4, False, False, True, Step.ANNOUNCE),
        (1 - MONTH, False, False, True, Step.KEEP),
        (-MONTH, False, False, True, Step.ANNOUNCE),
        (MONTH, True, False, False, Step.KEEP),
        (MONTH, True, False, True, Step.SERVE),
        # Of a certificate that was taken away the next one is announced before it is old.
        (0, True, False, True, Step.SERVE),
        (60, False, True, False, Step.KEEP),
        (60, False, True, True, Step.FORGET),
        # Who was away for a month in the middle of a renewal ends that one first.
        (MONTH, False, True, False, Step.KEEP),
        (MONTH, False, True, True, Step.FORGET),
        (MONTH, True, True, False, Step.KEEP),
        (MONTH, True, True, True, Step.SERVE),
    ],
)
def test_a_step_is_due_by_what_is_stored(
    age: float, following: bool, former: bool, settled: bool, step: Step
) -> None:
    """By age a renewal begins; each further step waits until what is stored is known."""
    assert step == due(age, MONTH, following=following, former=former, settled=settled)


def test_a_renewal_comes_to_its_end() -> None:
    """What is announced is served, then the one before is forgotten, then all rests."""
    following, former, age, steps = False, False, MONTH, []
    for _ in range(5):
        steps.append(due(age, MONTH, following=following, former=former, settled=True))
        match steps[-1]:
            case Step.ANNOUNCE:
                following = True
            case Step.SERVE:
                following, former, age = False, True, 60.0
            case Step.FORGET:
                former = False
            case Step.KEEP:
                pass
    assert [Step.ANNOUNCE, Step.SERVE, Step.FORGET, Step.KEEP, Step.KEEP] == steps
