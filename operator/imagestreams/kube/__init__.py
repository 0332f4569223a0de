"""What we read from and write to the Kubernetes API. The only package that imports `kubernetes`."""
