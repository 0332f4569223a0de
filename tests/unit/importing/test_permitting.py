"""What is remembered of permissions across namespaces, and for how long."""

from __future__ import annotations

import asyncio

from hypothesis import example, given
from hypothesis import strategies as st

from imagestreams.errors import ClusterError
from imagestreams.importing.permitting import HOLDS, Permissions
from imagestreams.model.permission import Permission
from imagestreams.model.stream import StreamKey

BASE = StreamKey("openshift", "httpd")


class Reviewer:
    """Answers as the API server does, and counts."""

    def __init__(self) -> None:
        self.granted = True
        self.down = False
        self.asked = 0

    async def ask(self, _namespace: str, _stream: StreamKey) -> Permission:
        """Answer once more."""
        self.asked += 1
        if self.down:
            raise ClusterError("the API server did not answer")
        return Permission(granted=self.granted)


@given(st.floats(0.0, 1e7))
@example(2.3)
def test_an_answer_is_asked_for_again_when_it_was_to_be(now: float) -> None:
    """The look that is planned for the end of an answer's time finds it over, whatever the clock says."""
    reviewer = Reviewer()
    permissions = Permissions(reviewer.ask)
    for time in (now, now + HOLDS / 2, now + HOLDS):
        asyncio.run(permissions.refresh("shop", [BASE], time))

    assert 2 == reviewer.asked


def test_what_was_known_stays_while_the_api_server_does_not_answer() -> None:
    """A right is neither lost nor gained by an outage; afterwards it is asked for anew."""
    reviewer = Reviewer()
    permissions = Permissions(reviewer.ask)
    asyncio.run(permissions.refresh("shop", [BASE], 0.0))
    reviewer.down, reviewer.granted = True, False
    assert not asyncio.run(permissions.refresh("shop", [BASE], HOLDS))
    assert permissions.of("shop", BASE).granted
    reviewer.down = False

    assert asyncio.run(permissions.refresh("shop", [BASE], 2 * HOLDS))
    assert permissions.of("shop", BASE).granted is False


def test_no_more_is_asked_than_can_be_answered() -> None:
    """Who names thousands of streams has a bounded number of questions asked."""
    reviewer = Reviewer()

    async def name_many() -> None:
        permissions = Permissions(reviewer.ask)
        for number in range(5000):
            assert permissions.now("shop", StreamKey("base", str(number))).granted is None
        await asyncio.sleep(0.1)

    asyncio.run(name_many())
    assert 500 == reviewer.asked
