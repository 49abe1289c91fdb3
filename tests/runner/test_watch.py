"""A process that a signal finds stuck ends with a word, and only such a one."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

SCRIPT = """
import os, signal, time
from animRL.runner import watch
watch.GRACE_SECONDS = {grace}
signal.signal(signal.SIGTERM, lambda number, frame: None)
own = watch.SignalWatch(lambda: print("stuck", flush=True))
for stretch in range(2):
    with own.stretch():
        if stretch == 1:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep({stays})
assert signal.set_wakeup_fd(-1) == -1
with own.stretch():
    time.sleep({after})
print("done")
"""


@pytest.mark.parametrize(
    ("grace", "stays", "after", "code", "said"),
    [(0.3, 60.0, 0.0, 143, "stuck"), (0.5, 0.05, 1.0, 0, "done")],
)
def test_only_a_process_that_is_stuck_is_ended(grace, stays, after, code, said):
    start = time.monotonic()
    script = SCRIPT.format(grace=grace, stays=stays, after=after)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (code, said), done.stderr
    assert time.monotonic() - start < 30.0
