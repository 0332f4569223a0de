"""Comparing recordings with answers."""

from __future__ import annotations

from support.likeness import MISSING, Difference, Likeness

ONE, TWO, THREE = (f"sha256:{digit * 64}" for digit in "123")


def _found(recorded: object, answered: object, likeness: Likeness | None = None) -> list[str]:
    return [each.path for each in (likeness or Likeness({})).differences(recorded, answered)]


def test_times_ages_uids_and_versions_may_differ() -> None:
    """What a clock or a counter made is the same, as long as it is there."""
    recorded = {"created": "2026-01-02T03:04:05Z", "uid": "a", "resourceVersion": "1", "age": "3 seconds ago"}
    answered = {
        "created": "2027-01-02T03:04:05Z",
        "uid": "b",
        "resourceVersion": "2",
        "age": "About a minute ago",
    }
    assert [] == _found(recorded, answered)
    assert ["uid"] == _found(recorded, {key: value for key, value in answered.items() if key != "uid"})
    assert ["created"] == _found(recorded, {**answered, "created": "yesterday"})


def test_digests_are_matched_one_to_one() -> None:
    """A digest that once stood for another one stands for it ever after, and for no other."""
    likeness = Likeness({})
    assert [] == _found(
        {"image": ONE, "reference": f"a/b@{ONE}"}, {"image": TWO, "reference": f"a/b@{TWO}"}, likeness
    )
    assert ["image"] == _found({"image": ONE}, {"image": THREE}, likeness)
    assert ["image"] == _found({"image": THREE}, {"image": TWO}, likeness)
    assert f"app@{TWO}" == likeness.now(f"app@{ONE}")
    assert "app@22222" == likeness.now("app@11111")


def test_generations_are_compared_by_order() -> None:
    """Which is older counts, not how many there were."""
    recorded = {
        "metadata": {"generation": 4},
        "tags": [{"name": "a", "generation": 2}, {"name": "b", "generation": 4}],
    }
    answered = {
        "metadata": {"generation": 9},
        "tags": [{"name": "a", "generation": 1}, {"name": "b", "generation": 9}],
    }
    assert [] == _found(recorded, answered)
    same_age = [{"name": "a", "generation": 9}, {"name": "b", "generation": 9}]
    assert _found(recorded, {**answered, "tags": same_age})


def test_names_that_are_known_are_the_same() -> None:
    """A namespace and a registry have other names now."""
    likeness = Likeness({"sc-1": "test-x", "127.0.0.1:5100": "127.0.0.1:33333"})
    assert "oc -n test-x tag 127.0.0.1:33333/a" == likeness.now("oc -n sc-1 tag 127.0.0.1:5100/a")
    assert [] == _found({"namespace": "sc-1"}, {"namespace": "test-x"}, likeness)


def test_items_are_found_by_name_and_their_order_is_told() -> None:
    """An item too many, one too few and another order are three different things."""
    recorded = [{"name": "a"}, {"name": "b"}]
    found = Likeness({}).differences(recorded, [{"name": "b"}, {"name": "a"}])
    assert [Difference("[order]", ["a", "b"], ["b", "a"])] == found
    assert ["[b]", "[c]"] == _found(recorded, [{"name": "a"}, {"name": "c"}])
    assert [Difference("x", 1, MISSING)] == Likeness({}).differences({"x": 1}, {})


def test_lines_are_compared_one_by_one() -> None:
    """A line too few is told as well."""
    found = Likeness({}).lines("one\ntwo\n", "one\n", "output")
    assert [Difference("output.2", "two", MISSING)] == found
