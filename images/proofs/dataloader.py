"""DataLoader workers hand over batches through /dev/shm."""

import torch
from proof import Detail, prove, require
from torch.utils.data import DataLoader, Dataset

# Four batches in flight are 100 MB: more than the 64 MB that a container gets unless somebody gives it more.
ITEMS, BATCH, WORKERS = 64, 8, 2
SHAPE = (3, 512, 512)


class Numbered(Dataset):
    """Each item is filled with its own number."""

    def __len__(self) -> int:
        return ITEMS

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.full(SHAPE, float(index))


def check() -> Detail:
    """Every item arrives, in order, with its contents."""
    loader = DataLoader(Numbered(), batch_size=BATCH, num_workers=WORKERS, prefetch_factor=2)
    seen = [value for batch in loader for value in batch.mean(dim=(1, 2, 3)).tolist()]
    require(seen == [float(index) for index in range(ITEMS)], f'items arrived as {seen}')
    return {'items': ITEMS, 'workers': WORKERS, 'bytes': ITEMS * 4 * SHAPE[0] * SHAPE[1] * SHAPE[2]}


prove('dataloader', check)
