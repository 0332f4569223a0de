"""Whether another replica is there (imageapi.leaving): by who answers, in time, in virtual time."""

from __future__ import annotations

import asyncio

import pytest

from imagestreams.imageapi.leaving import TRIES, another_answers

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


def answering(*names: str, takes: float = 0.003) -> tuple[list[float], object]:
    """Answer with these names, then with none; gives when it was asked, and the asking."""
    asked: list[float] = []

    async def replica() -> str:
        asked.append(asyncio.get_running_loop().time())
        await asyncio.sleep(takes)
        return names[len(asked) - 1] if len(asked) <= len(names) else ""

    return asked, replica


@pytest.mark.parametrize(
    ("names", "another", "asks"),
    [
        (("b",), True, 1),
        # Connections that the API server kept to the one that ends come first.
        (("",) * 25 + ("b",), True, 26),
        ((), False, TRIES),
    ],
)
async def test_who_is_named_is_there(names: tuple[str, ...], another: bool, asks: int) -> None:
    """The first name ends it; the only replica knows within two seconds that it is the last."""
    asked, replica = answering(*names)
    began = asyncio.get_running_loop().time()
    assert another == await another_answers(replica)  # type: ignore[arg-type]  # it is one
    assert asks == len(asked)
    assert asyncio.get_running_loop().time() - began < 2


async def test_an_api_server_that_hangs_does_not_hold_it_up() -> None:
    """What is not known within seconds is no."""
    _, replica = answering(*("",) * 100, takes=1.0)
    began = asyncio.get_running_loop().time()
    assert not await another_answers(replica)  # type: ignore[arg-type]  # it is one
    assert 4.0 == asyncio.get_running_loop().time() - began
