"""How `python3 app.py` starts, before it imports CDK; imported by others it does nothing."""

import gc
import sys
from pathlib import Path

if Path(sys.argv[0]).name == "app.py":
    sys.dont_write_bytecode = False  # synth imports 60 MB of CDK
    gc.disable()  # and lives for two seconds
