"""The page's curves once more as PNG files, for slides and papers; drawn by matplotlib, an extra."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from ..errors import PluginError, UsageError, writing
from .content import Subject
from .curves import curves_by_measure, title


def check_plots(folder: Path, force: bool) -> None:
    """Check, before any time is spent, that curves can be drawn and written.

    :raises PluginError: where matplotlib is missing.
    :raises UsageError: where the folder is a file, or holds pictures already and ``force`` is not set.
    """
    if find_spec("matplotlib") is None:
        raise PluginError("--plots needs matplotlib, which is missing; pip install 'degan-cli[plot]'")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--plots {folder}: this is a file; name a folder")
    if not force and any(folder.glob("*.png")):
        raise UsageError(f"--plots {folder}: holds pictures already; name another folder, or overwrite with --force")


def write_plots(subjects: Sequence[Subject], folder: Path) -> list[Path]:
    """Write ``MEASURE.png`` for each measure that the runs wrote down, with a line per run; their paths.

    :raises UsageError: when the folder cannot be made.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--plots {folder}: cannot make this folder ({error.strerror}); name another") from error
    written = []
    for measure, lines in curves_by_measure(subjects).items():
        figure = Figure(figsize=(6, 4), dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        for name, points in lines.items():
            axes.plot(*zip(*points, strict=True), label=_plain(name), marker="." if len(points) < 40 else None)
        axes.set(title=_plain(title(measure)), xlabel="updates")
        axes.grid(alpha=0.3)
        if len(subjects) > 1:
            axes.legend()
        written.append(folder / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', measure)}.png")
        with writing(written[-1]):
            figure.savefig(written[-1])
    return written


def _plain(text: str) -> str:
    """Without what matplotlib takes for formulas, or a label to hide."""
    return text.replace("$", r"\$").lstrip("_") or "run"
