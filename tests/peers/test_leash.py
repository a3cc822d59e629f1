"""A run that is killed leaves no server behind."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.peers.mail import until

ROOT = Path(__file__).parents[2]
RUN = """
import subprocess, sys, time
from pathlib import Path
from tests.peers.leash import held
folder = Path(sys.argv[1])
server = held(subprocess.Popen(["sh", "-c", "sleep 600 & sleep 600; true"], start_new_session=True), folder)
print(server.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_what_a_run_started_dies_with_it(number: signal.Signals, tmp_path: Path) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", RUN, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as run:
        assert run.stdout
        server = psutil.Process(int(run.stdout.readline()))
        children = until(lambda: len(found := server.children()) == 2 and found, what="for the server's children")
        assert children
        run.send_signal(number)
    for each in (server, *children):
        until(lambda each=each: not each.is_running(), what="for what the run started to end")
    until(lambda: not folder.exists(), what="for its folder to go")
