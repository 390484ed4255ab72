"""``degan demo``: the whole pipeline on scikit-learn's handwritten digits, offline, in a few minutes on a laptop."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..config import DemoSettings
from ..console import note
from .declare import command

if TYPE_CHECKING:
    from ..runs.session import Session


def _run(settings: DemoSettings, session: Session, as_json: bool) -> None:
    from ..jobs import demo as run_pipeline

    shown = run_pipeline(settings, session)
    if as_json:
        print(json.dumps(shown.to_json()))
    else:
        _print_table(shown.accuracies, shown.seconds)
    note(f"pictures of the samples: {', '.join(map(str, shown.pictures))}")


def _print_table(accuracies: Mapping[str, float], seconds: float) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Digits, accuracy on their test images, {seconds:.0f} s", title_justify="left")
    table.add_column("classifier")
    table.add_column("taught by")
    table.add_column("accuracy", justify="right")
    for row, accuracy in accuracies.items():
        who = ("teacher (lenet)", "labels") if row == "teacher" else ("student (lenet-half)", row)
        table.add_row(*who, f"{accuracy:.1%}")
    Console().print(table)


demo = command(
    DemoSettings,
    _run,
    """Run the whole pipeline on digits: a teacher, then five students taught by distillation and one by `compress`.

    The proxy is images of three digits only, without labels. Every command is shown before it runs.
    """,
)
