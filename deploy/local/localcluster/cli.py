"""The command line: `python -m localcluster up`, `down`, `status` and so on."""

from pathlib import Path
from typing import Any

import click

from localcluster import binaries, cluster, packages
from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError
from localcluster.progress import Terminal
from localcluster.state import DEFAULT_NAME, home_of

_name = click.option("--name", default=DEFAULT_NAME, show_default=True, help="Which cluster.")


class _Plain(click.Group):
    """A group of commands whose expected errors are a line for people, not a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except LocalClusterError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Plain)
def main() -> None:
    """Run a real Kubernetes and two registries on this machine, on loopback.

    The variable CLUSTER picks another kind of cluster: `kind` (in Docker), or `current` (the cluster of
    $KUBECONFIG as it is, only the registries are started).
    """


@main.command()
@_name
@click.option(
    "--nodes",
    type=click.Choice(["auto", "real", "kwok"]),
    default="auto",
    show_default=True,
    help="Real containers, fake nodes, or real ones where the machine allows.",
)
def up(name: str, nodes: cluster.WantedNodes) -> None:
    """Bring a cluster up, or mend it; a healthy one is left as it is."""
    progress = Terminal()
    ready = Cluster.up(name, nodes, progress)
    progress(f"cluster {name} is ready: KUBECONFIG={ready.kubeconfig} REGISTRY={ready.registry}")


@main.command()
@_name
def down(name: str) -> None:
    """End a cluster and everything in it; its logs stay."""
    progress = Terminal()
    progress(f"cluster {name} is gone" if cluster.down(name, progress) else f"there is no cluster {name}")


@main.command()
@click.option("--name", default=None, help="Which cluster; all by default.")
def status(name: str | None) -> None:
    """Show the parts of a cluster; exit 1 when one does not run, or there is no cluster."""
    names = [name] if name else list(cluster.names())
    whole = bool(names)
    for each in names:
        click.echo(f"cluster {each}")
        for part in Cluster.find(each).status():
            whole = whole and part.running
            click.echo(f"  {part.name:<24} {'running' if part.running else 'STOPPED':<8} {part.detail}")
    if not names:
        click.echo("no cluster")
    raise SystemExit(0 if whole else 1)


@main.command()
@_name
@click.argument("component")
def stop(name: str, component: str) -> None:
    """Stop one part of a cluster; the others run on."""
    Cluster.find(name).stop(component)


@main.command()
@_name
@click.argument("component")
def start(name: str, component: str) -> None:
    """Start a stopped part again as it was, and wait until it is ready."""
    Cluster.find(name).start(component, Terminal())


@main.command()
def build() -> None:
    """Build every program a cluster on this machine needs, without starting one."""
    progress = Terminal()
    binaries.ensure(["kubernetes", "etcd", "registry", "crane", "kwok"], progress)
    binaries.kubectl(progress)
    if packages.can_install():
        packages.ensure(node=True, progress=progress)


@main.command()
@_name
@click.option("--service-account", "account", required=True, metavar="NAMESPACE/NAME")
@click.option("--output", required=True, type=click.Path(dir_okay=False, path_type=Path))
def kubeconfig(name: str, account: str, output: Path) -> None:
    """Write a kubeconfig with the rights of a service account, good for 24 hours."""
    namespace, slash, account_name = account.partition("/")
    if not slash:
        raise click.UsageError("--service-account wants NAMESPACE/NAME")
    Cluster.find(name).service_account_kubeconfig(namespace, account_name, output)


@main.command()
@_name
def env(name: str) -> None:
    """Print what is needed to use a cluster, KEY=value a line."""
    Cluster.find(name)
    click.echo((home_of(name) / "env").read_text(), nl=False)
