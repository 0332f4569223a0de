"""The registry client, on requests; knows nothing of Kubernetes.

From the bottom: names, credentials, challenge, manifests (pure) < transport < auth < exchange < client.
"""
