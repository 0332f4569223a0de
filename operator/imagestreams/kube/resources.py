"""Which resources we speak to, and at which version: the one place that knows.

v1 may be taken over by an aggregated API; the CRD stays reachable at v1alpha1, so that is what the
operator itself reads and writes, from the first day.
"""

from __future__ import annotations

from imagestreams.kube.api import Resource

GROUP = "image.openshift.io"
SERVED_VERSION = "v1"
OWN_VERSION = "v1alpha1"
PART_OF_LABEL = ("app.kubernetes.io/part-of", "imagestreams")

IMAGESTREAMS = Resource(GROUP, OWN_VERSION, "imagestreams")
IMAGES = Resource(GROUP, OWN_VERSION, "images")
SECRETS = Resource("", "v1", "secrets")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts")
CONFIG_MAPS = Resource("", "v1", "configmaps")
EVENTS = Resource("", "v1", "events")
CRDS = Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions")
APISERVICES = Resource("apiregistration.k8s.io", "v1", "apiservices")
SUBJECT_ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "subjectaccessreviews")
MUTATING_WEBHOOKS = Resource("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations")
WEBHOOK_CONFIGURATION = "imagestreams"
"""The name of our own, as deploy/base ships it; there are rights for this one alone."""
WEBHOOK_SERVICE = "imagestreams-webhook"
"""The Service in the operator's namespace by which the API server finds the webhook."""
SHARED_CERTIFICATE = "imagestreams-api-certificate"
"""The Secret in the operator's namespace that holds the image API's certificate, for all its replicas."""
