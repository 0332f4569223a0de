"""What the original's command line does on the client: the calls a command makes, and what it prints.

No more than the recordings in tests/recorded need, so that these can be replayed against any server of the
image API without the original's binary. `Oc.run` takes the text of a command. Describing is not rendered.
"""

from support.oc.command import Done, Oc
from support.oc.rest import Rest

__all__ = ["Done", "Oc", "Rest"]
