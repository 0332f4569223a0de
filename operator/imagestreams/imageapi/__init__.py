"""The image API: image.openshift.io/v1 as OpenShift serves it, for `oc` and kubectl, over our CRDs.

Pure rules (views, edits, tables, validation) and thin edges (HTTP in, the API server and registries out).
Put together by facade, which `imagestreams apiserver` runs.
"""
