"""Where there is no wheel of the engine, only what needs none is tested."""

import platform
import sys

if sys.platform != "darwin" and (sys.platform, platform.machine()) != ("linux", "x86_64"):
    collect_ignore = ["test_check.py", "test_conformance.py", "test_second_engine.py", "test_worker.py"]
