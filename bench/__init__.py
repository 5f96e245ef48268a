"""How fast FlaskAppAML is, beside what people would otherwise use: `python -m bench`. docs/speed.md explains it."""

import sys
from pathlib import Path

# The endpoint of rows, and the processes that files go through, are those of tests/soak.
sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
