"""What is counted, and that its labels are bounded."""

from __future__ import annotations

from prometheus_client import generate_latest

from imagestreams.metrics import Metrics


def test_metrics_of_two_operators_are_apart() -> None:
    """Nothing is registered globally: each has its own registry."""
    first, second = Metrics(), Metrics()
    first.moves.inc()

    assert b"imagestreams_tag_moves_total 1.0" in generate_latest(first.registry)
    assert b"imagestreams_tag_moves_total 0.0" in generate_latest(second.registry)


def test_hosts_that_users_name_are_bounded() -> None:
    """The first 200 hosts have labels of their own, for good; the rest share one."""
    metrics = Metrics()
    labels = [metrics.host(f"r{number}.io") for number in range(1000)]

    assert 201 == len(set(labels))
    assert ("r0.io", "r199.io", "other") == (labels[0], labels[199], labels[200])
    assert ("r0.io", "other") == (metrics.host("r0.io"), metrics.host("r500.io"))


def test_every_metric_is_ours_and_described() -> None:
    """All names begin with imagestreams_ and all have a help text."""
    families = list(Metrics().registry.collect())

    assert len(families) >= 8
    assert [] == [family.name for family in families if not family.name.startswith("imagestreams_")]
    assert [] == [family.name for family in families if not family.documentation]
