"""Asking a server of ours, over HTTP on loopback, whether it is there yet."""

import time
from collections.abc import Container

import requests

from localcluster.errors import LocalClusterError


def status(url: str, *, verify: str | bool = True, certificate: tuple[str, str] | None = None) -> int | None:
    """Return the HTTP status of a GET, None when nobody answers.

    Raises requests.exceptions.SSLError when somebody answers whose certificate is not trusted.
    """
    with requests.Session() as session:
        # Neither a proxy nor a .netrc of the environment has a say on loopback.
        session.trust_env = False
        try:
            answer = session.get(url, timeout=5, verify=verify, cert=certificate, stream=True)
        except requests.exceptions.SSLError:
            raise
        except requests.RequestException:
            return None
        with answer:
            return answer.status_code


def wait_for(url: str, expected: Container[int], who: str, deadline: float = 30.0) -> None:
    """Wait until a GET answers with one of these statuses.

    Raises LocalClusterError, naming `who`, when `deadline` seconds pass first.
    """
    limit = time.monotonic() + deadline
    while status(url) not in expected:
        if time.monotonic() > limit:
            raise LocalClusterError(f"{who} does not answer at {url} after {deadline:.0f} s")
        time.sleep(0.1)
