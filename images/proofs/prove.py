#!/usr/bin/env python3
"""Runs an image's proofs inside it, in the locked profile; one JSON line each; exit 0 exactly when all hold.

    prove.py             the proofs that the image claims (/opt/gpuhour/image.json)
    prove.py NAME…       only these

The container needs what an allocation has (read-only root, uid 1000, writable /tmp, /home/user and /dev/shm) and a
writable, empty /run/gpuhour, which the two doors' proofs furnish themselves. No network.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

CLAIMS = Path('/opt/gpuhour/image.json')
HERE = Path(__file__).resolve().parent
# Far more than any proof needs on two slow cores; a proof that hangs is a proof that fails.
PATIENCE_SECONDS = 300


def failed(name: str, reason: str, seconds: float) -> dict:
    """What is said for a proof that could not speak for itself."""
    detail = {'reason': reason}
    return {'name': name, 'ok': False, 'skipped': False, 'durationMs': round(seconds * 1000), 'detail': detail}


def run(name: str) -> dict:
    """One proof, in a process of its own, so that none sees what another has loaded."""
    program = HERE / f'{name}.py'
    if not program.is_file():
        return failed(name, 'there is no such proof in this image', 0)
    pipe = subprocess.PIPE
    proof = subprocess.Popen([sys.executable, program], stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    try:
        said, complained = proof.communicate(timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(proof.pid, signal.SIGKILL)
        return failed(name, f'no answer within {PATIENCE_SECONDS} s', PATIENCE_SECONDS)
    try:
        return json.loads(said.splitlines()[-1])
    except (IndexError, ValueError):
        return failed(name, f'exit {proof.returncode} without a result: {complained[-500:]}', 0)


def main(names: list[str]) -> None:
    """Runs and reports, one after the other: they measure time."""
    held = True
    for name in names or json.loads(CLAIMS.read_text())['proofs']:
        result = run(name)
        print(json.dumps(result), flush=True)
        held = held and result['ok']
    sys.exit(0 if held else 1)


main(sys.argv[1:])
