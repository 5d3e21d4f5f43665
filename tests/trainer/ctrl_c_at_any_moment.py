"""Interrupts a training at random moments, takes it up each time, and compares it with another one
that was left alone. Prints how often it was interrupted."""

import random
import signal
import sys
import warnings

import torch
from epochal import Trainer
from torch import nn
from torch.optim.lr_scheduler import StepLR
from training import History, assert_same, everything, loader, make_trainer, model


def make(history: History) -> Trainer:
    parts = nn.Sequential(*model(), nn.BatchNorm1d(3))
    optimizer = torch.optim.AdamW(parts.parameters(), lr=0.01, foreach=False)
    return make_trainer(
        model=parts,
        optimizers=optimizer,
        schedulers=StepLR(optimizer, 3, 0.9),
        step_schedulers_every_batch=True,
        callbacks=history,
        max_duration="150ba",
        train_dataloader=loader(drop_last=True),
    )


def main(rng: random.Random) -> None:
    left_alone, history = History(), History()
    expected = make(left_alone)
    expected.fit()
    trainer = make(history)
    interruptions = 0
    signal.signal(signal.SIGALRM, lambda *args: signal.raise_signal(signal.SIGINT))
    finished = False
    # The clock is done before the callbacks of the last batch have been called.
    while not finished:
        try:
            signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.001, 0.02))
            trainer.fit()
            signal.setitimer(signal.ITIMER_REAL, 0)
            finished = True
        except KeyboardInterrupt:
            interruptions += 1
    assert history.rows == left_alone.rows
    assert_same(everything(expected), everything(trainer))
    print(interruptions)


if __name__ == "__main__":
    warnings.simplefilter("error")
    main(random.Random(int(sys.argv[1])))
