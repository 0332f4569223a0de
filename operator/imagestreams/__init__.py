"""ImageStreams for every Kubernetes.

A reader who asks why a tag did not move opens the packages in the order the data flows:
watching -> importing -> registry -> importing.record -> kube.streams -> triggering -> kube.workloads.
`model` is what they all speak about; `app` puts them together.
"""

__version__ = "0.1.0"
