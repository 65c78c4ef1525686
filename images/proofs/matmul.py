"""A product of two 1000×1000 matrices is right, and how long it takes."""

import time

import torch
from proof import Detail, prove, require

SIZE = 1000
ROUNDS = 20


def check() -> Detail:
    """Single precision beside double; the median of a few rounds."""
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    random = torch.Generator().manual_seed(1)
    left, right = (torch.rand(SIZE, SIZE, generator=random, dtype=torch.float64) for _ in range(2))
    fast_left, fast_right = left.float().to(device), right.float().to(device)
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        product = fast_left @ fast_right
        if device == 'cuda':
            torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    worst = ((product.cpu().double() - left @ right).abs() / (left @ right)).max().item()
    require(worst < 1e-3, f'relative error {worst:.1e}')
    median = sorted(times)[ROUNDS // 2]
    return {'device': device, 'ms': round(median * 1000, 3), 'gflops': round(2 * SIZE**3 / median / 1e9, 1)}


prove('matmul', check)
