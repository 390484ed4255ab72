"""Damaged settings files: refused in one line that names them, or read as settings."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from fuzz.harness import Answers, drawn
from fuzz.mutations import damaged_bytes, damaged_values
from hypothesis import given
from hypothesis import strategies as st

from degan_cli.config import (
    CondenseSettings,
    DistillSettings,
    EnrichSettings,
    IncrementalSettings,
    Layer,
    TeacherSettings,
)
from degan_cli.config.toml import read_config, to_toml
from degan_cli.jobs import Session, resolved
from degan_cli.jobs.enrich import check_enrich
from degan_cli.plugins import load_plugins

GOOD: dict[type, dict[str, Any]] = {
    TeacherSettings: {"dataset": "digits", "architecture": "lenet", "optimiser": "sgd", "milestones": [1, 2]},
    EnrichSettings: {"classifier": "t", "proxy": "digits", "settings": {"lambda_e": 1.0}, "steps": 3},
    DistillSettings: {"teacher": "t", "student": "lenet", "samples": ["g@0.5", "s"], "schedule": "cosine"},
    IncrementalSettings: {
        "classifier": "t", "new_data": "d", "enrich": {"steps": 3, "settings": {"lambda_d": 1.0}}, "epochs": 2,
    },
    CondenseSettings: {"dataset": "digits", "per_class": 2, "lr": 1.0},
}  # fmt: skip


@st.composite
def damaged_toml(draw: st.DrawFn, kind: type) -> bytes:
    """A settings file with damaged bytes or other values."""
    if draw(st.integers(0, 2)) == 0:
        text = to_toml(kind(**GOOD[kind])).encode()
        return draw(damaged_bytes(text, len(text)))
    values = draw(damaged_values(GOOD[kind]))
    lines = (f"{key(name)} = {toml(value)}" for name, value in values.items()) if isinstance(values, dict) else ["x"]
    return "\n".join(lines).encode(errors="surrogatepass")


def toml(value: Any) -> str:
    """A value as TOML; of floats and keys also what TOML has no word for."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key(name)} = {toml(item)}' for name, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    return json.dumps(value)


def key(name: str) -> str:
    return name if name.isidentifier() else json.dumps(name)


SESSION = Session(plugins=load_plugins(enabled=False))


def resolve(settings: Any, session: Session) -> Any:
    """As the job does, without reading the files that it names."""
    return check_enrich(settings, session) if isinstance(settings, EnrichSettings) else resolved(settings, session)


@pytest.mark.parametrize("kind", GOOD)
def test_a_damaged_settings_file_is_refused_in_one_line(kind, tmp_path):
    path, answers = tmp_path / "settings.toml", Answers()
    needed = Layer("option", {name: GOOD[kind][name] for name, one in kind.declared().items() if one.required})

    @drawn(share=0.2)
    @given(data=damaged_toml(kind))
    def try_one(data: bytes) -> None:
        path.write_bytes(data)
        answers.to(lambda: resolve(kind.read(needed, read_config(path, kind)), SESSION))

    try_one()
    assert answers.codes[2] + answers.codes[3] > answers.codes.total() / 2
    answers.record(f"settings: {kind.__name__}")
