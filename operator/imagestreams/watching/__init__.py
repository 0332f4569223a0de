"""What happens in the cluster: an event in, the store updated, importer and follower woken; no decisions."""
