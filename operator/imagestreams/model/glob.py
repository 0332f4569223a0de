"""Globs of * and ?, as people write them for hosts and tags: no classes, no regular expressions.

Read by registry.credentials for hosts and by importing.repository for tags. Time grows with the product of
both lengths at the worst, so that a pattern of somebody's making cannot hang us.
"""

from __future__ import annotations


def fits(pattern: str, text: str) -> bool:
    """Tell whether the whole text fits a pattern, where * is any characters and ? is one."""
    # By hand: fnmatch compiles each pattern and keeps thousands of them, and reads [a-z] as a class.
    at, seen, star, resume = 0, 0, -1, 0
    while seen < len(text):
        if at < len(pattern) and pattern[at] in {"?", text[seen]} and pattern[at] != "*":
            at, seen = at + 1, seen + 1
        elif at < len(pattern) and pattern[at] == "*":
            star, resume, at = at, seen, at + 1
        elif star >= 0:
            resume += 1
            at, seen = star + 1, resume
        else:
            return False
    return not pattern[at:].strip("*")
