"""Starts the image's own first program with a fresh /run/gpuhour, for the proofs of its two doors."""

import contextlib
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

GIVEN = Path('/run/gpuhour')
# Outside the given folder: the person who connects, not the platform, holds it.
CLIENT_KEY = Path('/tmp/proof/client_key')
JUPYTER_PORT, SSH_PORT = 8888, 2222
FACT = ('GPUHOUR_PROOF', 'it is "seen" \\ here')
PATIENCE_SECONDS = 30.0


def furnish() -> str:
    """Writes what the platform would give; returns Jupyter's token."""
    token = secrets.token_hex(24)
    CLIENT_KEY.parent.mkdir(parents=True, exist_ok=True)
    for key in (CLIENT_KEY, GIVEN / 'ssh_host_ed25519_key'):
        key.unlink(missing_ok=True)
        subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', key], check=True)
    (GIVEN / 'authorized_keys').write_text(CLIENT_KEY.with_suffix('.pub').read_text())
    (GIVEN / 'jupyter_token').write_text(token)
    (GIVEN / 'environment').write_text('='.join(FACT) + '\n')
    return token


def answers(port: int) -> bool:
    """Whether something listens."""
    with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', port), timeout=1):
        return True
    return False


def await_door(port: int, living: subprocess.Popen | None = None) -> None:
    """Returns when something listens; gives up when what should has died, or after a long while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not answers(port):
        if living is not None and living.poll() is not None:
            raise RuntimeError(f'init ended with {living.returncode}')
        if time.monotonic() > deadline:
            raise TimeoutError(f'port {port} is shut after {PATIENCE_SECONDS:.0f} s')
        time.sleep(0.01)


@contextlib.contextmanager
def served() -> Iterator[tuple[str, int]]:
    """Both doors open; gives Jupyter's token and the milliseconds until the later one listened."""
    token = furnish()
    began = time.monotonic()
    first = subprocess.Popen(['/opt/gpuhour/init'], stdout=subprocess.DEVNULL)
    try:
        await_door(SSH_PORT, first)
        await_door(JUPYTER_PORT, first)
        yield token, round((time.monotonic() - began) * 1000)
    finally:
        first.terminate()
        ended = first.wait(PATIENCE_SECONDS)
    if ended != 0:
        raise RuntimeError(f'init ended with {ended} after TERM')
