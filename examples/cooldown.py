"""Pre-train on text at a stable rate, and cool down from several checkpoints of that training.

    python examples/cooldown.py

Warmup, stable, decay: the rate stays at its peak as long as there is something to train on, and
falls only where a finished model is wanted. One training gives finished models of several budgets:
each branches off from a checkpoint, and costs another fifth of what was trained until there.

The text is Python's own manual, character by character; the model guesses each character from the
eight before it. Tokens are characters.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from pydoc_data.topics import topics
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import torch
from epochal import ConstantWithWarmupScheduler, Schedule, Time, Trainer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

CONTEXT = 8
TOKENS_PER_BATCH = 500
STABLE = ConstantWithWarmupScheduler("20Ktok")


def load_data() -> tuple[list[tuple[Tensor, Tensor]], list[tuple[Tensor, Tensor]], int]:
    """Batches to train on and to test on, and how many characters there are."""
    text = "".join(topics[name] for name in sorted(topics))[:400_000]
    alphabet = {letter: code for code, letter in enumerate(sorted(set(text)))}
    windows = torch.tensor([alphabet[letter] for letter in text]).unfold(0, CONTEXT + 1, 1)
    train, test = windows[:-20_000], windows[-20_000:]
    train = train[torch.randperm(len(train), generator=torch.Generator().manual_seed(0))]
    batches = [
        [(window[:, :-1], window[:, -1]) for window in part.split(TOKENS_PER_BATCH)]
        for part in (train, test)
    ]
    return batches[0], batches[1], len(alphabet)


def train(
    schedule: Schedule, until: Time, every: Time, folder: Path, branch: Path | None = None
) -> list[float]:
    """The test losses every so many tokens, and the last one. A branch begins at a checkpoint."""
    train_batches, test_batches, letters = load_data()
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Embedding(letters, 16),
        nn.Flatten(),
        nn.Linear(16 * CONTEXT, 128),
        nn.ReLU(),
        nn.Linear(128, letters),
    )
    losses: list[float] = []
    trainer = Trainer(
        model=model,
        train_dataloader=train_batches,
        eval_dataloader=test_batches,
        eval_interval=every,
        optimizers=torch.optim.AdamW(model.parameters(), lr=0.01),
        max_duration=until,
        schedulers=schedule,
        loss_fn=cross_entropy,
        get_num_tokens=lambda batch: len(batch[1]),
        save_folder=folder,
        save_interval=every,
        resume=branch,
        on_change="keep",  # the time of the checkpoint, under another schedule and another run
        callbacks=SimpleNamespace(eval_end=lambda trainer: losses.append(trainer.eval_loss)),
        progress_bar=False,
    )
    trainer.fit()
    return losses if until % every == 0 else [*losses, trainer.eval()]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=Time, default=Time("100Ktok"), help="a branch (100Ktok)")
    every = parser.parse_args(argv).every
    torch.set_num_threads(1)  # the network is too small to gain from more

    branches = [every * 1, every * 2, every * 3]
    with TemporaryDirectory() as folder:
        stable = Path(folder) / "stable"
        losses = train(STABLE, branches[-1], every, stable)
        print(f"{'branch':>10} {'end':>10} {'loss there':>11} {'cooled':>8}")
        for begin, loss in zip(branches, losses, strict=True):
            checkpoint = stable / f"ba{begin.value // TOKENS_PER_BATCH}.pt"
            end = begin * 1.2
            cooldown = STABLE.cooldown(begin, t_max=end, shape="1-sqrt")
            *_, cooled = train(cooldown, end, every, Path(folder) / str(begin), checkpoint)
            print(f"{begin!s:>10} {end!s:>10} {loss:>11.4f} {cooled:>8.4f}", flush=True)


if __name__ == "__main__":
    main()
