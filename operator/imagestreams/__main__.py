"""The command line: `imagestreams run`, `apiserver`, `settings` and `described`.

Reads settings, sets up logging, and hands over to app.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import TextIO

import click

from imagestreams import __version__
from imagestreams.errors import StartError
from imagestreams.settings import Settings, read_settings, settings_table


@click.group()
@click.version_option(__version__, prog_name="imagestreams")
def main() -> None:
    """OpenShift's ImageStreams on any Kubernetes."""


@main.command("settings")
def show_settings() -> None:
    """Print every setting with its default, as a Markdown table."""
    click.echo(settings_table(), nl=False)


@main.command()
@click.argument("crds", nargs=-1, required=True, type=click.File(encoding="utf-8"))
def described(crds: tuple[TextIO, ...]) -> None:
    """Print the definitions by which `kubectl explain` knows the kinds of the image API, made from CRDS."""
    import yaml  # noqa: PLC0415

    from imagestreams.imageapi.described import definitions  # noqa: PLC0415

    made = definitions(yaml.safe_load(crd) for crd in crds)
    click.echo(yaml.safe_dump_all(made, sort_keys=False, width=110), nl=False)


@main.command()
def run() -> None:
    """Run the operator against the cluster it is in, or the one of $KUBECONFIG."""
    # Imported here: `settings` and `--help` need neither Kopf nor a Kubernetes client.
    from imagestreams.app import Operator  # noqa: PLC0415

    _run_until_told(Operator, "the operator")


@main.command()
def apiserver() -> None:
    """Serve image.openshift.io/v1 as OpenShift does, for `oc`, beside the operator."""
    from imagestreams.facade import Facade  # noqa: PLC0415

    _run_until_told(Facade, "the image API")


def _run_until_told(program: type, name: str) -> None:
    code = 0
    try:
        settings = read_settings(os.environ)
        set_up_logging(settings)
        asyncio.run(_run(program, settings))
    except StartError as error:
        click.echo(f"imagestreams: {error}", err=True)
        code = 1
    except Exception:
        # The end of the process; whoever restarts it wants to read why.
        logging.getLogger("imagestreams").exception("%s ended unexpectedly", name)
        code = 1
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # A thread may still wait for a registry that never answers; a normal exit would wait with it.
    os._exit(code)


async def _run(program: type, settings: Settings) -> None:
    await program(settings).run()


def set_up_logging(settings: Settings) -> None:
    """Log to stderr, as text or as one JSON object a line.

    Raises StartError for an unknown level or format.
    """
    level = logging.getLevelNamesMapping().get(settings.log_level.upper())
    if level is None or settings.log_format not in {"text", "json"}:
        raise StartError(
            "IMAGESTREAMS_LOG_LEVEL is DEBUG, INFO, WARNING or ERROR; _LOG_FORMAT is text or json"
        )
    handler = logging.StreamHandler()
    if settings.log_format == "json":
        from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415

        handler.setFormatter(JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    # A registry whose headers cannot be read is told in its tag's condition; here it would fill the log.
    logging.getLogger("urllib3").setLevel(max(level, logging.ERROR))
    # Kopf tells of every event of every object it watches; at INFO that is noise of its own making.
    logging.getLogger("kopf").setLevel(max(level, logging.WARNING) if level > logging.DEBUG else level)


if __name__ == "__main__":
    main()
