"""From a stream to its new status.

What to ask (plan), when (schedule), the asking (work), what the answer means (record), what to tell (news).
"""
