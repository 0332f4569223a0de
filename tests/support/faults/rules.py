"""Which fault strikes which request, and how often still."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from .answers import Answer
from .connection import Request
from .faults import Fault
from .records import Kind


@dataclass(slots=True)
class Rule:
    """One fault in force, for a repository (None: all) and kinds of requests, `left` times (None: always)."""

    fault: Fault
    repository: str | None
    kinds: frozenset[Kind]
    left: int | None


@dataclass(slots=True)
class Rules:
    """All faults in force, the oldest first. A fault counts as used when it changed an answer."""

    _rules: list[Rule] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(self, rule: Rule) -> None:
        """Put a fault in force."""
        with self._lock:
            self._rules.append(rule)

    def clear(self, repository: str | None) -> None:
        """End the faults of one repository, or (None) all of them."""
        with self._lock:
            self._rules = [rule for rule in self._rules if repository not in (None, rule.repository)]

    def answer(self, request: Request, kind: Kind, repository: str, usual: Callable[[], Answer]) -> Answer:
        """Return a fault's answer to a request, or the `usual` one as the faults let it through."""
        rules = [
            rule
            for rule in self._rules
            if kind in rule.kinds and (rule.repository is None or rule.repository == repository)
        ]
        answer = None
        for rule in rules:
            answer = rule.fault.instead(request)
            if answer is not None and self._use(rule):
                return answer
        answer = usual()
        for rule in rules:
            if answer.status != 200 and not rule.fault.any_status:
                continue
            changed = rule.fault.altered(request, answer)
            if changed is not answer and self._use(rule):
                answer = changed
        return answer

    def _use(self, rule: Rule) -> bool:
        with self._lock:
            if rule.left is None:
                return True
            if rule.left == 0:
                return False
            rule.left -= 1
            return True
