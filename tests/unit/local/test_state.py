"""What a cluster remembers and tells others."""

from pathlib import Path

import pytest

from localcluster import state
from localcluster.errors import LocalClusterError
from localcluster.state import Access, State

ACCESS = Access(
    kubeconfig=Path("/here/kubeconfig"),
    registry="127.0.0.1:1",
    registry_auth="127.0.0.1:2",
    registry_user="someone",
    registry_password="pass=word",
    crane=Path("/bin/crane"),
    kubectl=Path("/bin/kubectl"),
    audit_log=None,
)


def test_the_env_file_is_one_key_and_value_a_line() -> None:
    """The file has every key once, and an empty value for what is not there."""
    lines = dict(line.split("=", 1) for line in state.render_env(ACCESS).splitlines())

    assert {
        "KUBECONFIG": "/here/kubeconfig",
        "REGISTRY": "127.0.0.1:1",
        "REGISTRY_AUTH": "127.0.0.1:2",
        "REGISTRY_USER": "someone",
        "REGISTRY_PASSWORD": "pass=word",
        "CRANE": "/bin/crane",
        "KUBECTL": "/bin/kubectl",
        "AUDIT_LOG": "",
    } == lines


def test_only_the_default_cluster_has_the_env_file_that_others_look_for() -> None:
    """`build/cluster/env` is the default cluster's alone; each cluster has one in its folder."""
    assert [state.CLUSTERS / "local" / "env", state.CLUSTERS / "env"] == state.env_files("local")
    assert [state.CLUSTERS / "other" / "env"] == state.env_files("other")


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    """State survives the file, which only its owner may read."""
    kept = State(
        name="x",
        flavour="local",
        nodes="real",
        slot=3,
        run="/run/x",
        ports={"etcd": 1},
        registry_user="u",
        registry_password="p",
    )
    kept.save(tmp_path)

    assert kept == state.load(tmp_path)
    assert 0o600 == (tmp_path / "cluster.json").stat().st_mode & 0o777


def test_no_state_is_no_cluster_and_a_broken_one_is_told(tmp_path: Path) -> None:
    """A missing file means no cluster; an unreadable one is an error that names it."""
    assert state.load(tmp_path) is None

    (tmp_path / "cluster.json").write_text("{")
    with pytest.raises(LocalClusterError, match=r"cluster\.json cannot be read"):
        state.load(tmp_path)


@pytest.mark.parametrize("name", ["", "../up", "a b", "Upper", "ü"])
def test_a_name_that_is_no_folder_name_is_refused(name: str) -> None:
    """Names end up in paths, containers and networks: only a-z, 0-9 and - pass."""
    with pytest.raises(LocalClusterError, match="is no name for a cluster"):
        state.home_of(name)
