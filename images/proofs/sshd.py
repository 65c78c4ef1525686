"""The SSH door: banner, exec with exit status, scp, sftp, rsync, a forwarded port; strangers are refused."""

import socket
import subprocess
from pathlib import Path

from doors import CLIENT_KEY, FACT, JUPYTER_PORT, SSH_PORT, await_door, served
from proof import Detail, prove, require

OPTIONS = [
    '-q', '-F', 'none', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null',
    '-o', 'BatchMode=yes', '-o', 'IdentitiesOnly=yes',
]  # fmt: skip
WITH_KEY = [*OPTIONS, '-i', str(CLIENT_KEY)]
DOOR = 'user@127.0.0.1'
FORWARDED_PORT = 18888
PATIENCE_SECONDS = 30


def run(*command: str, said: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """One client, to its end."""
    return subprocess.run(command, capture_output=True, input=said, timeout=PATIENCE_SECONDS, check=False)


def ssh(command: str, options: list[str] = WITH_KEY) -> subprocess.CompletedProcess[bytes]:
    """Debian's own ssh."""
    return run('ssh', *options, '-p', str(SSH_PORT), DOOR, command)


def banner() -> str:
    """What readiness looks for."""
    with socket.create_connection(('127.0.0.1', SSH_PORT), timeout=PATIENCE_SECONDS) as door:
        return door.makefile('rb').readline().decode().strip()


def copy(command: list[str], source: Path, target: Path, said: bytes | None = None) -> None:
    """A copy arrives whole."""
    done = run(*command, said=said)
    require(done.returncode == 0, f'{command[0]}: exit {done.returncode} {done.stderr[-200:]!r}')
    require(target.read_bytes() == source.read_bytes(), f'{command[0]} changed the file')


def forward() -> None:
    """A port of the guest, seen from the client's side: Jupyter's refusal of a stranger, by another way."""
    there = f'{FORWARDED_PORT}:127.0.0.1:{JUPYTER_PORT}'
    client = subprocess.Popen(['ssh', *WITH_KEY, '-p', str(SSH_PORT), '-N', '-L', there, DOOR])
    try:
        await_door(FORWARDED_PORT)
        with socket.create_connection(('127.0.0.1', FORWARDED_PORT), timeout=PATIENCE_SECONDS) as port:
            port.sendall(b'GET /api/status HTTP/1.0\r\n\r\n')
            seen = port.makefile('rb').readline()
        require(seen.startswith(b'HTTP/1.1 403'), f'a forwarded port says {seen!r}')
    finally:
        client.terminate()
        client.wait(PATIENCE_SECONDS)


def check() -> Detail:
    """Everything that the gateway relays."""
    with served():
        seen = banner()
        require(seen.startswith('SSH-2.0-'), f'banner {seen!r}')
        done = ssh(f'echo "$PWD|${FACT[0]}|$(python -c "print(6*7)")"; exit 7')
        require(done.returncode == 7, f'exit {done.returncode} instead of 7')
        require(done.stdout.decode() == f'/home/user|{FACT[1]}|42\n', f'the shell sees {done.stdout!r}')
        stranger = CLIENT_KEY.with_name('stranger')
        stranger.unlink(missing_ok=True)
        run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', str(stranger))
        require(ssh('true', options=[*OPTIONS, '-i', str(stranger)]).returncode == 255, 'a stranger came in')
        source = CLIENT_KEY.with_name('picture')
        source.write_bytes(bytes(range(256)) * 4096)
        home = Path('/home/user')
        copy(['scp', *WITH_KEY, '-P', str(SSH_PORT), str(source), f'{DOOR}:by-scp'], source, home / 'by-scp')
        batch = f'put {source} by-sftp\n'.encode()
        sftp = ['sftp', *WITH_KEY, '-P', str(SSH_PORT), '-b', '-', DOOR]
        copy(sftp, source, home / 'by-sftp', said=batch)
        shell = ' '.join(['ssh', *WITH_KEY, '-p', str(SSH_PORT)])
        copy(['rsync', '-e', shell, str(source), f'{DOOR}:by-rsync'], source, home / 'by-rsync')
        forward()
    return {'banner': seen}


prove('sshd', check)
