"""What becomes of one request: faults in force, guard, content, and a record of it all.

The registry owns the parts and gives them to the service; listeners call it from the threads of their
connections.
"""

import time
from dataclasses import dataclass

from .answers import Answer, error_answer, json_answer
from .authorization import Guard, TokenService, Verdict
from .connection import Request
from .content import Content
from .records import Record, Records
from .routes import Route, route
from .rules import Rules


@dataclass(slots=True)
class Service:
    """Answers requests from its parts; `guard` may be exchanged while it serves."""

    content: Content
    tokens: TokenService
    guard: Guard
    rules: Rules
    records: Records

    def respond(self, request: Request, connection: int) -> Answer:
        """Return the answer to a request that came on a connection, and keep its record."""
        where = route(request)
        verdict = Verdict()

        def usual() -> Answer:
            nonlocal verdict
            if where.kind == "token":
                verdict, answer = self.tokens.verdict(request)
                return answer
            verdict = self.guard.verdict(request, where.repository)
            return verdict.refusal or self._held(request, where)

        answer = self.rules.answer(request, where.kind, where.repository, usual)
        self.records.add(
            Record(
                time=time.monotonic(),
                kind=where.kind,
                method=request.method,
                path=request.path,
                repository=where.repository,
                status=answer.status,
                scheme=request.headers.get("authorization", "").partition(" ")[0].lower(),
                right=verdict.right,
                user_agent=request.headers.get("user-agent", ""),
                connection=connection,
            )
        )
        return answer

    def note_garbage(self, connection: int) -> None:
        """Keep a record of a connection on which no request could be read."""
        self.records.add(Record(time.monotonic(), "handshake", "", "", "", 0, "", None, "", connection))

    def note_sent(self, size: int) -> None:
        """Count bytes that were sent."""
        self.records.add_sent(size)

    def _held(self, request: Request, where: Route) -> Answer:
        if where.kind in ("manifest-head", "manifest-get"):
            return self.content.manifest_answer(request, where.repository, where.reference)
        if where.kind == "blob":
            return self.content.blob_answer(where.repository, where.reference)
        if where.kind == "tags":
            return self.content.tags_answer(request, where.repository)
        if where.kind == "ping":
            return json_answer(200, {}, {"Docker-Distribution-Api-Version": "registry/2.0"})
        return error_answer(404, "UNSUPPORTED", "no such page")
