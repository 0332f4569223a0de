"""From a stream to its new status: what to ask (plan), when (schedule), the asking (work), the answer (record)."""
