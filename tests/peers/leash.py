"""Servers die with the run that started them, however it ends: a keeper beside it, in no group of its, sees to that."""

import atexit
import contextlib
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import psutil

PATIENCE = 5.0  # seconds to stop in order, before kill -9


def held(process: "subprocess.Popen[bytes]", folder: Path | None = None) -> "subprocess.Popen[bytes]":
    """The process, which now dies, with all that it started, when we do; then its folder goes too."""
    _tell(f"process {process.pid}")
    if folder is not None:
        _tell(f"folder {folder}")
    return process


@cache
def _keeper() -> "subprocess.Popen[bytes]":
    found = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,  # closed by the kernel when we are no more: the keeper needs no other word
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    atexit.register(found.wait)
    assert found.stdin
    atexit.register(found.stdin.close)
    return found


def _tell(line: str) -> None:
    stdin = _keeper().stdin
    assert stdin
    stdin.write(f"{line}\n".encode())
    stdin.flush()


def _watch() -> None:
    """Take down what is held, until whoever told us is gone; then stop all of it."""
    processes: list[psutil.Process] = []
    folders: list[str] = []
    for line in sys.stdin:
        kind, _, value = line.rstrip("\n").partition(" ")
        if kind == "folder":
            folders.append(value)
            continue
        with contextlib.suppress(psutil.NoSuchProcess):  # knows when it began: another with its number is left alone
            processes.append(psutil.Process(int(value)))
    _stop(processes)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _stop(processes: list[psutil.Process]) -> None:
    family: list[psutil.Process] = []
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            family += [each, *each.children(recursive=True)]
            each.terminate()
    _, alive = psutil.wait_procs(family, PATIENCE)
    for each in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(alive, PATIENCE)


if __name__ == "__main__":
    _watch()
