"""A convolution agrees with the same sum written as a matrix product (cuDNN on a GPU, oneDNN on a CPU)."""

import time

import torch
from proof import Detail, prove, require
from torch.nn import functional


def check() -> Detail:
    """Compares with unfold and matmul in double precision."""
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    torch.backends.cudnn.allow_tf32 = False
    random = torch.Generator().manual_seed(2)
    pictures = torch.rand(8, 16, 64, 64, generator=random)
    kernels = torch.rand(32, 16, 3, 3, generator=random) - 0.5
    began = time.perf_counter()
    seen = functional.conv2d(pictures.to(device), kernels.to(device), padding=1).cpu().double()
    elapsed = time.perf_counter() - began
    columns = functional.unfold(pictures.double(), 3, padding=1)
    wanted = (kernels.double().view(32, -1) @ columns).view_as(seen)
    worst = (seen - wanted).abs().max().item()
    require(worst < 1e-3, f'error {worst:.1e}')
    return {'device': device, 'ms': round(elapsed * 1000, 2), 'worstError': worst}


prove('convolution', check)
