"""Becomes the program whose command line follows, with trust that is looked at, and settles, in no time.

A renewal then takes seconds. For `becoming` of localrun.OperatorProcess.
"""

from __future__ import annotations

import sys

from imagestreams.__main__ import main
from imagestreams.serving import trust

if __name__ == "__main__":
    trust.EVERY, trust.KNOWN_AFTER = 0.3, 3.0
    # Behind this file come the Python, -m and imagestreams.
    sys.argv[1:] = sys.argv[4:]
    sys.exit(main())
