"""Distributed data parallel: every process ends with the same weights (gloo on CPUs, nccl on GPUs)."""

import os

import torch
from proof import Detail, prove, require
from torch import distributed, multiprocessing, nn
from torch.nn.parallel import DistributedDataParallel

STEPS = 5


def train(rank: int, world: int, backend: str, answers: multiprocessing.SimpleQueue) -> None:
    """A few steps on data that differ by rank; answers with the sum of the weights."""
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT='29511')
    distributed.init_process_group(backend, rank=rank, world_size=world)
    device = torch.device('cuda', rank) if backend == 'nccl' else torch.device('cpu')
    torch.manual_seed(rank)
    inner = nn.Linear(32, 4).to(device)
    model = DistributedDataParallel(inner, device_ids=[rank] if backend == 'nccl' else None)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(STEPS):
        optimizer.zero_grad()
        model(torch.rand(16, 32, device=device)).square().mean().backward()
        optimizer.step()
    answers.put((rank, inner.weight.double().sum().item()))
    distributed.destroy_process_group()


def check() -> Detail:
    """Two processes; on one GPU a single one, since NCCL wants a device for each."""
    gpus = torch.cuda.device_count()
    backend, world = ('nccl', min(gpus, 2)) if gpus else ('gloo', 2)
    answers = multiprocessing.get_context('spawn').SimpleQueue()
    multiprocessing.spawn(train, args=(world, backend, answers), nprocs=world)
    sums = dict(answers.get() for _ in range(world))
    require(len(sums) == world and len(set(sums.values())) == 1, f'weights differ: {sums}')
    return {'backend': backend, 'processes': world, 'steps': STEPS}


if __name__ == '__main__':
    prove('ddp', check)
