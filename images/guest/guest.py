"""What the platform gives a container, as its programs read it: the files of /run/gpuhour and the person's environment.

Standard library only, and only what starts fast: `init` reads this before anything else runs.
"""

import math
import os
import re
from pathlib import Path

# Written by the platform, mounted read-only, one folder per allocation.
GIVEN = Path('/run/gpuhour')
HOME = Path('/home/user')
# A server's own files: in the allocation's scratch, never in the person's volume.
RUNTIME = Path('/tmp/gpuhour')
PATH = f'{HOME}/.local/bin:/usr/local/bin:/usr/bin:/bin'

# Steer our own servers; a kernel or shell that inherited them would read the servers' settings instead of its own.
OURS = ('JUPYTER_CONFIG_DIR', 'JUPYTER_DATA_DIR', 'JUPYTER_PATH')
FOR_SERVERS = r'LANG|LANGUAGE|LC_\w+|TZ|NVIDIA_\w+'

_CGROUP_V1 = Path('/sys/fs/cgroup/cpu')
_CGROUP_V2 = Path('/sys/fs/cgroup/cpu.max')


def given(name: str) -> list[str]:
    """The lines of a given file, without empty ones; none where the file is missing."""
    try:
        text = (GIVEN / name).read_text()
    except FileNotFoundError:
        return []
    # Not splitlines(), for which a line has more ends than one.
    return [line for line in text.split('\n') if line.strip()]


def variables() -> dict[str, str]:
    """`NAME=value` lines of the file `environment`: GPUHOUR_* facts, and what the person asked for."""
    pairs = (line.split('=', 1) for line in given('environment') if '=' in line)
    return {name: plain(value) for name, value in pairs if re.fullmatch(r'[A-Za-z_]\w*', name)}


def plain(escaped: str) -> str:
    """A value as it was before its backslashes and line ends were written as `\\\\`, `\\n` and `\\r`."""
    return re.sub(r'\\([\\nr])', lambda found: {'n': '\n', 'r': '\r'}.get(found[1], found[1]), escaped)


def cpus() -> int | None:
    """Whole processors that the control group allows, rounded up; None where it sets no limit."""
    try:
        if _CGROUP_V2.exists():
            quota, period = _CGROUP_V2.read_text().split()
        else:
            quota = (_CGROUP_V1 / 'cpu.cfs_quota_us').read_text()
            period = (_CGROUP_V1 / 'cpu.cfs_period_us').read_text()
        return math.ceil(int(quota) / int(period)) if int(quota) > 0 else None
    except (OSError, ValueError):
        return None


def account() -> dict[str, str]:
    """Who the person is in here."""
    who = {'HOME': str(HOME), 'USER': 'user', 'LOGNAME': 'user', 'SHELL': '/bin/bash', 'PATH': PATH}
    return who | {'JUPYTER_RUNTIME_DIR': f'{RUNTIME}/jupyter'}


def server_environment() -> dict[str, str]:
    """For sshd and Jupyter's server: nothing that the person could have chosen, such as a library to load first."""
    kept = {name: value for name, value in os.environ.items() if re.fullmatch(FOR_SERVERS, name)}
    return kept | account()


def user_environment() -> dict[str, str]:
    """For jobs, kernels and shells: the container's, then the platform's and the person's variables.

    Libraries that count the machine's processors start too many threads under a CPU limit: they are told the limit.
    Python's output is not held back: a log is followed by somebody.
    """
    kept = {name: value for name, value in os.environ.items() if value and name not in OURS}
    allowed = cpus()
    threads = {'OMP_NUM_THREADS': str(allowed)} if allowed else {}
    return {'PYTHONUNBUFFERED': '1'} | threads | kept | account() | variables()
