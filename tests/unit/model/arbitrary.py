"""Hypothesis strategies: JSON that nobody vouches for, and JSON that is nearly right.

Nearly right finds more: an object with the field names that parsing looks for, each holding anything.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)

anything: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def nearly(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw objects in which each of these fields is right, of any other shape, or absent; or no object."""
    return (
        st.fixed_dictionaries({}, optional={name: right | anything for name, right in fields.items()})
        | anything
    )


def several(item: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw lists of these."""
    return st.lists(item, max_size=3)


words = st.text(max_size=12)
numbers = st.integers(min_value=-3, max_value=2**40)

event = nearly(created=words, dockerImageReference=words, image=words, generation=numbers)
intent = nearly(
    kind=words,
    name=words,
    namespace=words,
    reference=st.booleans(),
    importMode=words,
    insecure=st.booleans(),
    requestedAt=words,
    generation=numbers,
)
condition = nearly(
    type=words,
    status=words,
    reason=words,
    message=words,
    lastTransitionTime=words,
    generation=numbers,
    observedGeneration=numbers,
)
tag_status = nearly(
    tag=words,
    items=several(event),
    conditions=several(condition),
    intent=intent,
    index=words,
    available=event,
)
stream_status = nearly(
    dockerImageRepository=words,
    tags=several(tag_status),
    conditions=several(condition),
    observedGeneration=numbers,
    summary=nearly(repository=words, tags=words, updated=words),
)
notes = nearly(
    **{
        "imagestreams.dev/interval": words,
        "imagestreams.dev/requested-at": words,
        "imagestreams.dev/hold": words,
    },
)
tag_spec = nearly(
    name=words,
    annotations=notes,
    reference=st.booleans(),
    importPolicy=nearly(insecure=st.booleans(), scheduled=st.booleans(), importMode=words),
    **{"from": nearly(kind=words, name=words, namespace=words)},
)
stream = nearly(
    metadata=nearly(
        namespace=words,
        name=words,
        uid=words,
        resourceVersion=words,
        generation=numbers,
        annotations=notes,
    ),
    spec=nearly(tags=several(tag_spec), dockerImageRepository=words),
    status=stream_status,
)
