"""PyTorch sees each given GPU, and computes on it; where none was given, says what the wheels were built for."""

import torch
from proof import Detail, Skipped, prove, require


def check() -> Detail:
    """Names, architectures and a sum on every device."""
    built = {'cuda': torch.version.cuda, 'cudnn': torch.backends.cudnn.version(), 'nccl': '.'.join(
        map(str, torch.cuda.nccl.version())), 'architectures': torch._C._cuda_getArchFlags().split()}
    if not torch.cuda.is_available():
        require(torch.backends.cuda.is_built(), 'these wheels know no CUDA')
        raise Skipped(f'no GPU in this container; built for {built}')
    devices = []
    for index in range(torch.cuda.device_count()):
        total = torch.ones(1 << 20, device=f'cuda:{index}').sum().item()
        require(total == 1 << 20, f'cuda:{index} counts {total}')
        devices.append(torch.cuda.get_device_name(index))
    return built | {'devices': devices}


prove('gpu', check)
