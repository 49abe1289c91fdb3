"""The processes that train one policy together, as torchrun starts them."""

from __future__ import annotations

import io
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from animRL.runner.watch import SignalWatch
from animRL.utils.errors import InputError, ProcessLost

START_SECONDS = 600.0
"""How long processes wait for each other at the start."""
STEP_SECONDS = 600.0
"""How long a process may be behind the others within one iteration [s]."""
POLL_SECONDS = 0.02
CHUNK_BYTES = 4 * 2**20
"""Largest value put into the store, which refuses more than 8 MiB."""
_NEEDED = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


class Processes:
    """This process among those that train together; without torchrun the only one.

    All of them make the same calls in the same order. Within an iteration they meet in collective
    operations (gloo on CPUs, nccl on GPUs), which fail when one process is late or gone. Outside,
    where the first process evaluates, saves or films, the others ask the store now and then,
    without end.
    """

    def __init__(
        self, rank: int = 0, world_size: int = 1, local_rank: int = 0, local_world_size: int = 1
    ) -> None:
        """Describe a process; nothing is connected yet.

        Args:
            rank: number of this process, 0 is the first.
            world_size: number of processes on all machines.
            local_rank: number of this process on its machine.
            local_world_size: number of processes on this machine.
        """
        self.rank, self.world_size = rank, world_size
        self.local_rank, self.local_world_size = local_rank, local_world_size
        self._store: Store | None = None
        self._meetings = 0
        self._signal: int | None = None
        self._agreed = False
        self._group_open = False
        self._watch = SignalWatch(self._say_lost)

    @classmethod
    def from_environment(cls) -> Processes:
        """Read what torchrun says in the environment and connect to the other processes.

        Raises:
            InputError: if the environment is incomplete, or a process does not come.
        """
        world_size = int(os.environ.get("WORLD_SIZE", "1"))
        if world_size == 1:
            return cls()
        missing = [name for name in _NEEDED if name not in os.environ]
        if missing:
            raise InputError(f"WORLD_SIZE is {world_size}, but {', '.join(missing)} not set; "
                             "start many processes with torchrun")  # fmt: skip
        local_rank = int(os.environ["LOCAL_RANK"])
        local_world_size = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        here = cls(int(os.environ["RANK"]), world_size, local_rank, local_world_size)
        try:
            found = rendezvous("env://", timeout=timedelta(seconds=START_SECONDS))
            here._store = next(iter(found))[0]
        except (RuntimeError, ValueError) as error:
            address = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
            raise InputError(
                f"process {here.rank} cannot reach the first one at {address} "
                f"({str(error).splitlines()[0][:200]})"
            ) from error
        return here

    @property
    def many(self) -> bool:
        """Whether there are others."""
        return self.world_size > 1

    @property
    def is_main(self) -> bool:
        """Whether this is the first process, the only one that writes and prints."""
        return self.rank == 0

    @property
    def launcher(self) -> str:
        """The command that starts as many processes on as many machines."""
        if not self.many:
            return "python"
        machines = self.world_size // self.local_world_size
        nodes = f"--nnodes={machines} " if machines > 1 else ""
        return f"torchrun {nodes}--nproc_per_node={self.local_world_size}"

    def seed(self, seed: int) -> int:
        """A seed of this process's own; the first one's is the one given.

        The others' are hashed, so that no two seeds and processes share a stream (a sum would:
        process 1 of seed 1 and process 0 of seed 2), in 32 bits, all that torch's generator on
        the CPU looks at.
        """
        if self.is_main:
            return seed
        return int(np.random.SeedSequence((seed, self.rank)).generate_state(1, np.uint32)[0])

    def threads(self, wished: int) -> int:
        """Threads of this process: those wished for, or (0) its share of the machine's cores."""
        if wished or not self.many:
            return wished
        return max(1, _cores() // self.local_world_size)

    def device(self, name: str) -> str:
        """This process's own device of a kind: of CUDA, the one numbered as the process.

        Raises:
            InputError: if the machine has fewer GPUs than processes.
        """
        if not (self.many and name.split(":")[0] == "cuda"):
            return name
        there = torch.cuda.device_count()
        if self.local_rank >= there:
            raise InputError(
                f"process {self.rank} has no GPU of its own, this machine has {there}; valid: "
                + (f"--nproc_per_node={there}" if there else "--device=cpu")
            )
        torch.cuda.set_device(self.local_rank)
        return f"cuda:{self.local_rank}"

    def open_group(self, device: torch.device | str) -> None:
        """Make collective operations possible between tensors on ``device``."""
        if self.many and not self._group_open:
            backend = "nccl" if torch.device(device).type == "cuda" else "gloo"
            # Else nccl aborts the process on an error, from a thread of its own, and nobody hears.
            os.environ.setdefault("TORCH_NCCL_BLOCKING_WAIT", "1")
            with self._lost_is_told():
                dist.init_process_group(
                    backend, store=PrefixStore("group", self._connected()), rank=self.rank,
                    world_size=self.world_size, timeout=timedelta(seconds=STEP_SECONDS),
                )  # fmt: skip
            self._group_open = True

    def close(self) -> None:
        """Leave the others."""
        if self._group_open:
            dist.destroy_process_group()
            self._group_open = False

    def from_main(self, make: Callable[[], Any], device: torch.device | str = "cpu") -> Any:
        """Return on all processes what the first one makes; the others wait, however long.

        Args:
            make: called by the first process alone; returns tensors, numbers, strings, None, and
                lists and dictionaries of them.
            device: where the tensors go.
        """
        if not self.many:
            return make()
        self._meetings += 1
        key = f"meeting/{self._meetings}"
        if self.is_main:
            made = make()
            stream = io.BytesIO()
            torch.save(made, stream)
            self._send(key, stream.getvalue())
            return made
        return torch.load(io.BytesIO(self._receive(key)), map_location=device, weights_only=True)

    def to_main(self, value: Any, name: str, limit: float | None = None) -> list[Any]:
        """Bring what each process has to the first one, by rank; elsewhere an empty list.

        Args:
            value: tensors, numbers, strings, None, and lists and dictionaries of them.
            name: of what is brought; the processes need not have met equally often before.
            limit: how long the first one waits [s], whatever signals come; it returns what has come
                by then, its own first. None: until a signal.
        """
        if not self.many:
            return [value]
        keys = [f"{name}/{rank}" for rank in range(self.world_size)]
        until = None if limit is None else time.monotonic() + limit
        if not self.is_main:
            stream = io.BytesIO()
            torch.save(value, stream)
            self._send(keys[self.rank], stream.getvalue())
            return []
        found = [value]
        for key in keys[1:]:
            try:
                data = self._receive(key, forget=True, until=until)
            except (TimeoutError, ProcessLost) as error:
                if until is None and isinstance(error, ProcessLost):
                    raise
                break
            found.append(torch.load(io.BytesIO(data), map_location="cpu", weights_only=True))
        return found

    def wait_for_main(self) -> None:
        """Go on once the first process has come here, too; it does not wait."""
        self.from_main(lambda: None)

    def share(self, modules: list[torch.nn.Module]) -> None:
        """Give parameters and buffers the first process's values."""
        if self.many:
            tensors = [t for module in modules for t in module.state_dict().values()]
            for kind in sorted({t.dtype for t in tensors}, key=str):
                own = [t for t in tensors if t.dtype == kind]
                packed = torch.cat([t.flatten() for t in own])
                dist.broadcast(packed, src=0)
                parts = packed.split([t.numel() for t in own])
                for tensor, part in zip(own, parts, strict=True):
                    tensor.copy_(part.view_as(tensor))

    def mean(self, values: Mapping[str, Any], device: torch.device | str) -> dict[str, Any]:
        """Average numbers over all processes; one that is not finite makes its mean so.

        A signal that reached one process since reaches all of them by this call.
        """
        if not self.many:
            return dict(values)
        row = torch.tensor([*values.values(), 0.0, 0.0], dtype=torch.float64, device=device)
        row[-2] = self.world_size * float(self._signal == signal.SIGINT)
        row[-1] = self.world_size * float(self._signal == signal.SIGTERM)
        dist.all_reduce(row)
        *means, interrupted, terminated = (row / self.world_size).tolist()
        if interrupted or terminated:
            self._signal, self._agreed = int(signal.SIGTERM if terminated else signal.SIGINT), True
        return dict(zip(values, means, strict=True))

    @contextmanager
    def lockstep(self) -> Iterator[None]:
        """A stretch with collective operations, which a signal does not cut short.

        Raises:
            ProcessLost: if another process is gone or too late.
        """
        if not self.many:
            yield
            return
        caught = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._note) for number in caught}
        try:
            with self._watch.stretch(), self._lost_is_told():
                yield
        except InputError as error:
            error.told = self._tell()
            raise
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def raise_signal(self, agreed: bool = True) -> None:
        """Stop if a signal has come during ``lockstep``.

        Args:
            agreed: only if all processes know of it by ``mean``; the last to hear of it would else
                wait for those that left. What came later is known to all an iteration on.
        """
        if self._signal is None or (agreed and not self._agreed):
            return
        number, self._signal, self._agreed = self._signal, None, False
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signal = number

    @contextmanager
    def _lost_is_told(self) -> Iterator[None]:
        """Turn the errors of collective operations into one, told by one process."""
        try:
            yield
        except RuntimeError as error:
            if not (isinstance(error, dist.DistError) or "gloo" in str(error).lower()):
                raise
            raise self._lost() from error

    def _lost(self) -> ProcessLost:
        return ProcessLost(
            f"another of the {self.world_size} processes that train together has ended or hangs",
            told=self._tell(),
        )

    def _say_lost(self) -> None:
        """Tell it from the thread that watches, when the main one is stuck."""
        error = self._lost()
        if not error.told:
            who = "" if self.is_main else f"process {self.rank}: "
            print(f"error: {who}{error}", file=sys.stderr, flush=True)

    def _tell(self) -> bool:
        """Announce that this process says why the training ends; whether another did so before."""
        try:
            return self._connected().add("told", 1) > 1
        except RuntimeError:  # the store is gone, too
            return False

    def _connected(self) -> Store:
        assert self._store is not None  # many processes come from from_environment
        return self._store

    def _send(self, key: str, data: bytes) -> None:
        store, count = self._connected(), math.ceil(len(data) / CHUNK_BYTES)
        for index in range(count):
            chunk = data[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]
            store.set(f"{key}/{index}", chunk)  # type: ignore[arg-type]  # bytes are taken, too
        store.set(key, str(count))

    def _receive(self, key: str, forget: bool = False, until: float | None = None) -> bytes:
        store = self._connected()
        try:
            while not store.check([key]):
                if until is None:
                    self.raise_signal(agreed=False)
                elif time.monotonic() > until:
                    raise TimeoutError
                time.sleep(POLL_SECONDS)
            parts = [f"{key}/{index}" for index in range(int(store.get(key)))]
            chunks = [store.get(part) for part in parts]
            for part in (*parts, key) if forget else ():
                store.delete_key(part)
        except RuntimeError as error:
            raise self._lost() from error
        return b"".join(chunks)


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
