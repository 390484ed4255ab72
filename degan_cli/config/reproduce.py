"""Settings of ``degan reproduce``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from .fields import DATA, RUN, setting
from .groups import DataSettings, DeviceSettings


@dataclass(frozen=True, kw_only=True)
class ReproduceSettings(DataSettings, DeviceSettings):
    """Which cells of which table are made, and how long their parts are trained."""

    graphs: bool = setting(
        False, flags=("--cuda-graphs",), help="Launch each step as one CUDA graph; not measured yet.", panel=RUN
    )

    table: str = setting(
        argument=True,
        panel=DATA,
        choices=("table1", "table2", "table3", "tasks", "neighbours"),
        help="Of the DeGAN paper, increments in a row, or other methods beside it.",
    )
    only: tuple[str, ...] = setting(
        (), metavar="CELL", help="Such as svhn/degan, svhn or '*/degan'; repeatable.", panel=RUN
    )
    scale: str = setting(
        "paper",
        choices=("paper", "gan", "hour", "tiny"),
        help="The paper's lengths, only its GAN, what two cores do in an hour, or a few updates.",
        panel=RUN,
    )
    seeds: tuple[int, ...] = setting((0,), min=0, metavar="N,N,...", help="Of all random numbers.", panel=RUN)
    executor: str = setting(
        "local",
        choices=("local", "ray"),
        help="Processes here, or tasks of a Ray cluster (RAY_ADDRESS, or a local one).",
        panel=RUN,
    )
    jobs: int | None = setting(
        None, min=1, help="Commands at a time.", shown_default="1; as many as the Ray cluster has CPUs", panel=RUN
    )
    output: Path = setting(
        Path("reproduce"), flags=("-o", "--output"), metavar="DIR", help="Parts and results.", panel=DATA
    )
    max_minutes: float | None = setting(
        None, min=0, metavar="M", help="Then stop all commands and exit with 75; the same command goes on.", panel=RUN
    )
    dry_run: bool = setting(False, help="Print the commands and stop.", panel=RUN, in_file=False)

    def __post_init__(self) -> None:
        """Refuse what no table has."""
        super().__post_init__()
        if not self.seeds:
            raise UsageError("--seeds names none; write numbers, such as 0,1,2")
        if self.graphs and self.table == "neighbours":
            raise UsageError(
                "--cuda-graphs is not for the neighbours, some of whose methods train no generator; leave it out"
            )
