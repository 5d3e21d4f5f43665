"""The smallest model and data that train."""

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

SAMPLES = 48


def dataset(samples: int = SAMPLES) -> TensorDataset:
    inputs = torch.randn(samples, 4, generator=torch.Generator().manual_seed(0))
    return TensorDataset(inputs, inputs.sum(1, keepdim=True))


def loader(batch_size: int = 4, samples: int = SAMPLES) -> DataLoader[tuple[Tensor, ...]]:
    return DataLoader(dataset(samples), batch_size=batch_size)


def model() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(4, 1)


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).square().mean()


def optimizer(lr: float = 0.1) -> torch.optim.SGD:
    """Of a parameter that has a gradient, so that it may step at any time."""
    parameter = nn.Parameter(torch.zeros(1))
    parameter.grad = torch.ones(1)
    return torch.optim.SGD([parameter], lr=lr)
