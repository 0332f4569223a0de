"""The registry client, on requests; knows nothing of Kubernetes.

From the bottom: wording, memory, names, credentials, challenge, manifests (pure) < watchdog, connections,
failures < transport < tokens < auth < exchange < entity_tags < client.
"""
