"""The registry client, on requests; knows nothing of Kubernetes.

From the bottom: wording, memory, names, credentials, challenge, manifests (pure) < watchdog, connections
< transport < tokens < auth < exchange < entity_tags < client.
"""
