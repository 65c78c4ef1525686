#!/usr/bin/env python3
"""Trains a small convolutional network to read handwritten digits (scikit-learn's, 8×8 pixels; nothing to download).

    python templates/cnn/train.py                 a bit more than a minute
    python templates/cnn/train.py --epochs 5      exactly five epochs
    python templates/cnn/train.py --seconds 600   at least ten minutes

Uses the GPU where there is one. The same seed gives the same network, epoch by epoch, on the same hardware.
"""

import argparse
import math
import time
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional

SEED = 7
BATCH = 64
TEST_SHARE = 0.2
# Each picture is turned, scaled and moved a little, differently in every epoch, so that 1437 of them go a long way.
TURN_RADIANS, SCALE, SHIFT = math.radians(15), 0.10, 0.12


class Digits(nn.Module):
    """Three convolutions and a linear layer; about 390 000 weights."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
            nn.Conv2d(64, 128, 3, padding=1), nn.BatchNorm2d(128), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(128, 256, 3, padding=1), nn.BatchNorm2d(256), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Dropout(0.3), nn.Linear(256 * 2 * 2, 10),
        )  # fmt: skip

    def forward(self, pictures: Tensor) -> Tensor:
        return self.layers(pictures)


def load(device: torch.device) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training pictures and digits, then test pictures and digits; pixels between 0 and 1."""
    digits = load_digits()
    pictures = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
    parts = train_test_split(
        pictures, torch.tensor(digits.target), test_size=TEST_SHARE, random_state=SEED, stratify=digits.target
    )
    train_x, test_x, train_y, test_y = (part.to(device) for part in parts)
    return train_x, train_y, test_x, test_y


def varied(pictures: Tensor, random: torch.Generator) -> Tensor:
    """The same digits as other hands would write them."""
    count = len(pictures)
    turn, scale, across, down = (torch.rand(4, count, generator=random) * 2 - 1).to(pictures.device)
    turn, scale = turn * TURN_RADIANS, 1 + scale * SCALE
    cos, sin = scale * turn.cos(), scale * turn.sin()
    rows = torch.stack([cos, -sin, across * SHIFT, sin, cos, down * SHIFT], dim=1).view(count, 2, 3)
    grid = functional.affine_grid(rows, list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, align_corners=False)


def train_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, epoch: int) -> float:
    """One pass over the training pictures in an order of its own; the mean loss."""
    random = torch.Generator().manual_seed(SEED + epoch)
    model.train()
    total = 0.0
    for batch in torch.randperm(len(x), generator=random).split(BATCH):
        chosen = batch.to(x.device)
        loss = functional.cross_entropy(model(varied(x[chosen], random)), y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(chosen)
    return total / len(x)


@torch.no_grad()
def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """The share of pictures that are read rightly."""
    model.eval()
    return (model(x).argmax(dim=1) == y).float().mean().item()


def train(epochs: int | None, seconds: float, output: Path) -> float:
    """Trains `epochs`, or else for at least `seconds`; saves the network; returns its accuracy on the test set."""
    torch.manual_seed(SEED)
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    name = torch.cuda.get_device_name() if device.type == 'cuda' else f'{torch.get_num_threads()} CPU threads'
    train_x, train_y, test_x, test_y = load(device)
    model = Digits().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch / 10))
    print(f'training on {name}: {len(train_x)} pictures, {len(test_x)} kept for the test', flush=True)
    began = time.monotonic()
    epoch = 0
    while epoch < epochs if epochs is not None else time.monotonic() - began < seconds:
        epoch += 1
        loss = train_epoch(model, optimizer, train_x, train_y, epoch)
        schedule.step()
        read = accuracy(model, test_x, test_y)
        elapsed = time.monotonic() - began
        print(f'epoch {epoch:3d}  loss {loss:.4f}  accuracy {read:.2%}  {elapsed:6.1f} s', flush=True)
    result = accuracy(model, test_x, test_y)
    output.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), output)
    print(f'test accuracy {result:.2%} after {epoch} epochs; network saved as {output}', flush=True)
    return result


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--epochs', type=int, help='train exactly so many epochs')
    parser.add_argument('--seconds', type=float, default=70.0, help='else train at least so long (default: 70)')
    parser.add_argument('--output', type=Path, default=Path.home() / 'digits-cnn.pt', help='where the network goes')
    asked = parser.parse_args()
    train(asked.epochs, asked.seconds, asked.output)


if __name__ == '__main__':
    main()
