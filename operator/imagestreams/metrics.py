"""What the operator counts, as Prometheus metrics. Built once by app, served by serving.health.

Labels are bounded: a registry's host (the first 200; the rest are one), an outcome, a kind; never a stream,
a tag or a digest.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_HOSTS_MOST = 200


class Metrics:
    """All metrics, on a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.imports = Counter(
            "imagestreams_imports_total",
            "Questions to registries, by registry and outcome (ok or the condition's reason)",
            ["registry", "outcome"],
            registry=self.registry,
        )
        self.import_seconds = Histogram(
            "imagestreams_import_seconds",
            "How long a registry took to answer, by registry",
            ["registry"],
            registry=self.registry,
        )
        self.moves = Counter(
            "imagestreams_tag_moves_total", "Tags that got another image", registry=self.registry
        )
        self.writes = Counter(
            "imagestreams_writes_total",
            "Writes to the API server, by what was written and outcome (ok, conflict, gone, refused, error)",
            ["what", "outcome"],
            registry=self.registry,
        )
        self.admissions = Counter(
            "imagestreams_admissions_total",
            "Objects seen by the admission webhook, by outcome (changed, unchanged, malformed, failed)",
            ["outcome"],
            registry=self.registry,
        )
        self.api_requests = Counter(
            "imagestreams_api_requests_total",
            "Requests to the image API, by verb and HTTP code",
            ["verb", "code"],
            registry=self.registry,
        )
        self.handed_back = Counter(
            "imagestreams_api_handed_back_total",
            "How often v1 was handed back to the CRD because the image API did not answer",
            registry=self.registry,
        )
        self.streams = Gauge("imagestreams_streams", "Streams known", registry=self.registry)
        self.looked_at = Gauge(
            "imagestreams_streams_looked_at",
            "Streams whose next due time is known; as many as there are, once a start is over",
            registry=self.registry,
        )
        self.images = Gauge(
            "imagestreams_images", "Images of ours, as of when they were last listed", registry=self.registry
        )
        self.workloads = Gauge(
            "imagestreams_workloads", "Workloads that follow a tag", registry=self.registry
        )
        self.next_try = Gauge(
            "imagestreams_next_try_timestamp_seconds",
            "When the next tag is due to be asked for, as Unix time; 0 when none is",
            registry=self.registry,
        )
        self.under_way = Gauge(
            "imagestreams_questions_under_way", "Questions to registries under way", registry=self.registry
        )
        self.troubled = Gauge(
            "imagestreams_registry_in_trouble",
            "1 while a registry does not answer (network, 5xx) or limits us (429), by registry",
            ["registry"],
            registry=self.registry,
        )
        self.quota = Gauge(
            "imagestreams_registry_quota_remaining",
            "How many requests or pulls a registry still allows, as it last said, by registry",
            ["registry"],
            registry=self.registry,
        )
        self._hosts: set[str] = set()
        self._imports: dict[tuple[str, str], Counter] = {}
        self._seconds: dict[str, Histogram] = {}

    def imported(self, host: str, outcome: str) -> None:
        """Count a question to a registry by its outcome: ok, or the condition's reason."""
        key = self.host(host), outcome
        counter = self._imports.get(key)
        if counter is None:
            counter = self._imports[key] = self.imports.labels(*key)
        counter.inc()

    def took(self, host: str, seconds: float) -> None:
        """Note how long a registry took to answer."""
        name = self.host(host)
        histogram = self._seconds.get(name)
        if histogram is None:
            histogram = self._seconds[name] = self.import_seconds.labels(name)
        histogram.observe(seconds)

    def host(self, name: str) -> str:
        """Give the label of a registry's host: users choose hosts, and each label is kept for good."""
        if name not in self._hosts:
            if len(self._hosts) >= _HOSTS_MOST:
                return "other"
            self._hosts.add(name)
        return name
