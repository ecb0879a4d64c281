"""Several processes of one thread each train one model: on busy cores that waits far less than several threads do."""

from collections.abc import Callable

import torch
import torch.multiprocessing as multiprocessing


class Together:
    """One of `count` processes; every one computes a slice of the batch and all apply the mean of the gradients."""

    def __init__(self, rank: int, shared: torch.Tensor, barrier):
        self.rank, self.shared, self.barrier = rank, shared, barrier
        self.count = shared.shape[1]
        self.turn = 0

    def mine(self, batch: torch.Tensor) -> torch.Tensor:
        return batch[self.rank :: self.count]

    @torch.no_grad()
    def average(self, parameters: list[torch.nn.Parameter]) -> None:
        """Replaces the gradients by their mean over the processes. Two buffers in turn need one barrier a step."""
        buffer = self.shared[self.turn]
        gradients = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        torch.cat([g.flatten() for g in gradients], out=buffer[self.rank])
        self.barrier.wait()
        mean = buffer.mean(0)
        for parameter, part in zip(parameters, mean.split([p.numel() for p in parameters])):
            parameter.grad = part.view_as(parameter)
        self.turn = 1 - self.turn


def run(count: int, size: int, work: Callable, *arguments) -> None:
    """Calls work(together, *arguments) in `count` processes that share gradients of `size` numbers."""
    context = multiprocessing.get_context("spawn")
    shared = torch.zeros(2, count, size).share_memory_()
    barrier = context.Barrier(count)
    others = [
        context.Process(target=begin, args=(work, rank, shared, barrier, arguments), daemon=True)
        for rank in range(1, count)
    ]
    for process in others:
        process.start()
    begin(work, 0, shared, barrier, arguments)


def begin(work: Callable, rank: int, shared: torch.Tensor, barrier, arguments: tuple) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    work(Together(rank, shared, barrier), *arguments)
