"""`import-image`: which tag is meant, what is sent as ImageStreamImport, and what is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support.oc.failing import CommandError, checked, failed

if TYPE_CHECKING:
    import argparse

    from support.oc.rest import Rest

_CHANGE = "use the 'tag' command if you want to change the source to"
_KINDS = {"ImageStreamTag": "imagestreamtag"}


def import_image(rest: Rest, namespace: str, flags: argparse.Namespace) -> str:
    """Run `import-image NAME[:TAG]`; gives what is printed, up to the description of the stream."""
    base = f"/apis/image.openshift.io/v1/namespaces/{namespace}"
    if "@" in flags.name:
        raise failed("to import images by ID, use the 'tag' command")
    name, _, tag = flags.name.partition(":")
    if tag and flags.all:
        raise failed(f'cannot specify a tag "{tag}" as well as --all')
    tag = tag or ("" if flags.all else "latest")
    found = rest("GET", f"{base}/imagestreams/{name}")
    if found.code == 404:
        stream = None
        if not flags.confirm:
            raise failed(f'no image stream named "{name}" exists, pass --confirm to create and import')
    else:
        stream = checked(found).body
    meta = {"name": name, "namespace": namespace}
    if stream is not None:
        meta["resourceVersion"] = stream["metadata"]["resourceVersion"]
    body = {
        "apiVersion": "image.openshift.io/v1",
        "kind": "ImageStreamImport",
        "metadata": meta,
        "spec": {"import": not flags.dry_run, **_wanted(stream, tag, flags)},
        "status": {},
    }
    answer = checked(rest("POST", f"{base}/imagestreamimports", body)).body
    return _told(name, answer["status"], dry_run=flags.dry_run)


def _wanted(stream: dict[str, Any] | None, tag: str, flags: argparse.Namespace) -> dict[str, Any]:
    if not flags.all:
        return {"images": [_single(stream, tag, flags)]}
    source = flags.source
    if stream is not None and not source:
        source = stream["spec"].get("dockerImageRepository", "")
    if source or stream is None:
        return {"repository": {"from": _docker(source or flags.name), **_policies(None, flags)}}
    tags = [
        each for each in stream["spec"].get("tags", ()) if each.get("from", {}).get("kind") == "DockerImage"
    ]
    if not tags:
        raise failed("image stream does not have tags pointing to external container images")
    return {"images": [_image(each["name"], each["from"]["name"], each, flags) for each in tags]}


def _single(stream: dict[str, Any] | None, tag: str, flags: argparse.Namespace) -> dict[str, Any]:
    if stream is None:
        return _image(tag, flags.source or flags.name, None, flags)
    tags = {each["name"]: each for each in stream["spec"].get("tags") or ()}
    final = _terminal(stream["metadata"]["name"], tags, tag)
    old = tags.get(final)
    if old is None or "from" not in old:
        repository = stream["spec"].get("dockerImageRepository")
        if not flags.source and not (tag == "latest" and repository):
            raise failed(
                f'the tag "{tag}" does not exist on the image stream - choose an existing tag to import '
                "or use the 'tag' command to create a new tag"
            )
        return _image(final, flags.source or repository, old, flags)
    kind, name = old["from"]["kind"], old["from"]["name"]
    if kind != "DockerImage":
        raise failed(f'tag "{final}" points to existing {kind} "{name}", it cannot be re-imported')
    if flags.source and flags.source != name:
        leads = f'the tag "{tag}" points to' + (f' the tag "{final}" which points to' if final != tag else "")
        raise failed(f'{leads} "{name}" - {_CHANGE} "{flags.source}"')
    return _image(final, name, old, flags)


def _terminal(stream: str, tags: dict[str, dict[str, Any]], tag: str) -> str:
    seen = {tag}
    while (source := tags.get(tag, {}).get("from", {})).get("kind") == "ImageStreamTag":
        name, _, inner = source["name"].rpartition(":")
        if name not in {"", stream}:
            raise failed(f'tag "{tag}" points to an imagestreamtag from another ImageStream')
        if inner in seen:
            raise failed(f'tag "{tag}" on the image stream is a reference to same tag')
        seen.add(inner)
        tag = inner
    return tag


def _image(tag: str, source: str, old: dict[str, Any] | None, flags: argparse.Namespace) -> dict[str, Any]:
    return {"from": _docker(source), "to": {"name": tag}, **_policies(old, flags)}


def _policies(old: dict[str, Any] | None, flags: argparse.Namespace) -> dict[str, Any]:
    before = (old or {}).get("importPolicy", {})
    policy: dict[str, Any] = {"importMode": flags.import_mode}
    if flags.insecure or before.get("insecure"):
        policy["insecure"] = True
    if flags.scheduled or before.get("scheduled"):
        policy["scheduled"] = True
    kind = {"": "", "source": "Source", "local": "Local"}[flags.reference_policy]
    return {"importPolicy": policy, "referencePolicy": {"type": kind} if kind else {"type": ""}}


def _docker(name: str) -> dict[str, str]:
    return {"kind": "DockerImage", "name": name}


def _told(name: str, status: dict[str, Any], *, dry_run: bool) -> str:
    images, repository = status.get("images") or [], status.get("repository") or {}
    errors = [
        f"error: tag {each.get('tag', '')} failed: {each['status'].get('message', '')}\n"
        for each in images
        if each["status"].get("status") == "Failure"
    ]
    errors += [
        f"error: repository tag {each.get('tag', '')} failed: {each['status'].get('message', '')}\n"
        for each in repository.get("images") or ()
        if each["status"].get("status") == "Failure"
    ]
    bad = bool(errors) or repository.get("status", {}).get("status") == "Failure"
    output = (
        f"imagestream.image.openshift.io/{name} imported{' with errors' if bad else ''}"
        f"{' (dry run)' if dry_run else ''}\n"
    )
    if bad:
        raise CommandError("".join([*errors, "error: imported completed with errors\n"]), output)
    return output
