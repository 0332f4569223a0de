"""Real registries (distribution) on loopback: those of a cluster, and extra ones for a test.

`Registry` is one of them, started and stopped at will; it needs no cluster. A cluster runs two: one open
with deletes allowed, one with users behind basic auth.
"""

import json
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import bcrypt
import requests

from localcluster import binaries, probing, processes
from localcluster.certificates import Pair, write_private
from localcluster.ports import LOOPBACK, free_port
from localcluster.processes import Program
from localcluster.progress import Progress, silent

# The least that bcrypt allows: the registry compares the password anew on every request.
_BCRYPT_ROUNDS = 4
_START_DEADLINE = 20.0


class Registry:
    """One distribution registry on 127.0.0.1; as a context manager it starts, and at the end it is gone.

    `port` 0 takes a free one, which stays the same over stops and starts. `users` maps names to passwords:
    without any, everybody may do everything. `tls` serves HTTPS. `program` is another distribution than the
    pinned one (Debian's 2.8, say). `folder` keeps data, configuration and log;
    one of its own in the system's temporary folder by default.
    """

    def __init__(
        self,
        *,
        name: str = "registry",
        port: int = 0,
        users: Mapping[str, str] | None = None,
        tls: Pair | None = None,
        deletes: bool = True,
        folder: Path | None = None,
        pid_file: Path | None = None,
        log: Path | None = None,
        program: Path | None = None,
        progress: Progress = silent,
    ) -> None:
        self._temporary = folder is None
        self._folder = folder or Path(tempfile.mkdtemp(prefix="registry-"))
        self._tls = tls
        self._users = dict(users or {})
        self._deletes = deletes
        self._own_program = program is None
        self._progress = progress
        self.port = port or free_port()
        self.log = log or self._folder / "log"
        self.program = Program(
            name=name,
            argv=(str(program or binaries.binary("registry")), "serve", str(self._folder / "config.yaml")),
            log=self.log,
            pid_file=pid_file or self._folder / "pid",
            # The registry would otherwise look for a collector of traces.
            environment={"OTEL_TRACES_EXPORTER": "none"},
        )

    @property
    def address(self) -> str:
        """The registry's host:port."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def url(self) -> str:
        """The registry's base URL."""
        return f"{'https' if self._tls else 'http'}://{self.address}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start it, with the data it had, and wait until it answers."""
        if self._own_program:
            binaries.ensure(["registry"], self._progress)
        self.configure()
        processes.start(self.program)
        processes.wait_ready(self.program, self.ready, _START_DEADLINE)

    def stop(self) -> None:
        """Stop it; data and port are kept for the next start."""
        processes.stop(self.program.pid_file)

    def close(self) -> None:
        """Stop it, and delete its folder if that was a temporary one."""
        self.stop()
        if self._temporary:
            shutil.rmtree(self._folder, ignore_errors=True)

    def ready(self) -> bool:
        """Tell whether it answers now; a refusal of the anonymous is an answer."""
        try:
            answer = probing.status(f"{self.url}/v2/")
        except requests.exceptions.SSLError:
            # It serves; whether its certificate is to be trusted is the caller's question.
            return True
        return answer in {200, 401}

    def configure(self) -> None:
        """Write its configuration file, and its users' file."""
        self._folder.mkdir(parents=True, exist_ok=True)
        http: dict[str, object] = {"addr": self.address, "secret": secrets.token_hex(16)}
        if self._tls:
            http["tls"] = {"certificate": str(self._tls.certificate), "key": str(self._tls.key)}
        configuration: dict[str, object] = {
            "version": 0.1,
            "log": {"level": "info", "formatter": "json"},
            "storage": {
                "filesystem": {"rootdirectory": str(self._folder / "data")},
                "delete": {"enabled": self._deletes},
            },
            "http": http,
        }
        if self._users:
            users = self._folder / "htpasswd"
            write_private(users, htpasswd(self._users))
            configuration["auth"] = {"htpasswd": {"realm": "local", "path": str(users)}}
        # JSON is YAML too.
        write_private(self._folder / "config.yaml", json.dumps(configuration, indent=2).encode())


def htpasswd(users: Mapping[str, str]) -> bytes:
    """Return the users' file of a registry: one line per name, the password hashed by bcrypt."""
    salt = bcrypt.gensalt(_BCRYPT_ROUNDS)
    lines = [f"{name}:{bcrypt.hashpw(word.encode(), salt).decode()}\n" for name, word in users.items()]
    return "".join(lines).encode()
