"""`python -m operatorimage`: the operator's image into a local cluster's registry, and what to apply then."""

import click

from localcluster import Cluster, LocalClusterError
from localcluster.progress import Terminal
from localcluster.state import DEFAULT_NAME
from operatorimage.overlay import prepare


@click.command()
@click.option("--name", default=DEFAULT_NAME, show_default=True, help="Which cluster.")
def main(name: str) -> None:
    """Build the operator's image, push it to a local cluster's registry, and say what to apply."""
    progress = Terminal()
    try:
        cluster = Cluster.find(name)
        folder = prepare(cluster, progress)
    except LocalClusterError as error:
        raise click.ClickException(str(error)) from error
    progress(f"pushed; now: kubectl --kubeconfig {cluster.kubeconfig} apply -k {folder}")


main(prog_name="operatorimage")
