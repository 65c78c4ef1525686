"""Open MPI starts two processes that add up their ranks through mpi4py."""

import subprocess

from proof import Detail, prove, require

PROGRAM = 'from mpi4py import MPI; w = MPI.COMM_WORLD; print(w.allreduce(w.Get_rank() + 1))'
SECONDS_MAX = 60


def check() -> Detail:
    """Both processes print 3, and nothing is warned about."""
    command = ['mpirun', '--oversubscribe', '-n', '2', 'python3', '-c', PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    require(done.returncode == 0, f'exit {done.returncode}: {done.stderr[-500:]}')
    require(done.stdout.split() == ['3', '3'], f'printed {done.stdout!r}')
    require(not done.stderr.strip(), f'complained: {done.stderr[-500:]}')
    return {'processes': 2}


prove('mpi', check)
