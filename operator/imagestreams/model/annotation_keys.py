"""The annotations we read and write, in one place.

Read by model.stream, model.trigger, triggering.lookup and watching.intake; those that we write are written by
triggering.patch and kube.images.
"""

TRIGGERS = "image.openshift.io/triggers"
"""On a workload: which of its image fields follow which tag (the original's key and grammar)."""

RESOLVED = "imagestreams.dev/resolved"
"""On a workload, ours: which tag each image that we wrote stands for."""

ROLLOUT = "imagestreams.dev/rollout"
"""On a workload: "after-ready" lets its next image wait until the rollout that runs is done."""

MAX_ROLLOUTS = "imagestreams.dev/max-rollouts"
"""On a stream: how many of the workloads that follow it may roll out at once."""

RESOLVE_NAMES = "alpha.image.policy.openshift.io/resolve-names"
"""On a workload or its pod template, the original's: "*" makes every image of it the name of a stream."""

UNREFERENCED_SINCE = "imagestreams.dev/unreferenced-since"
"""On an Image of ours: since when no history names it, in RFC 3339; it is deleted after a grace time."""

INTERVAL = "imagestreams.dev/interval"
"""On a stream or a tag: how often a scheduled tag is asked for, such as "5m"."""

HOLD = "imagestreams.dev/hold"
"""On a tag: the image of its history that it goes back to, and stays at until this is taken away."""

KEEP = "imagestreams.dev/keep"
"""On a stream: how many items of each tag's history are kept, such as "10"."""

MAX_TAGS = "imagestreams.dev/max-tags"
"""On a stream: how many tags of its spec.dockerImageRepository are followed."""

INCLUDE_TAGS = "imagestreams.dev/include-tags"
EXCLUDE_TAGS = "imagestreams.dev/exclude-tags"
"""On a stream: which tags of its spec.dockerImageRepository are followed, and which not: "1.*,2.?"."""

INSECURE_REPOSITORY = "openshift.io/image.insecureRepository"
"""On a stream, the original's: "true" lets its spec.dockerImageRepository do without verified TLS."""

EXCLUDED = "openshift.io/image.excludeSecret"
"""On a pull secret, the original's: "true" keeps it from being used for imports."""

PREFER_OS = "importer.image.openshift.io/prefer-os"
PREFER_ARCH = "importer.image.openshift.io/prefer-arch"
"""On a tag, the original's: which child of an index a Legacy import takes."""

REQUESTED_AT = "imagestreams.dev/requested-at"
"""On a stream or a tag: a new value asks for an import now."""
