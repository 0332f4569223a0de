"""Workloads follow tags: which kinds (targets), who follows what (follow), and the write (patch). Pure."""
