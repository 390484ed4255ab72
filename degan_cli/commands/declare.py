"""Typer commands from settings: options and arguments, where each value came from, and the files that hold them."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from ..config.base import Layer, Settings
from ..config.enrich import WEIGHTS
from ..config.fields import RUN, Setting
from ..config.method_settings import read_pairs
from ..config.toml import read_config, to_toml
from ..config.values import NUMBERS
from ..console import is_main_process
from ..errors import UsageError
from .completion import completion

if TYPE_CHECKING:
    from ..plugins import Plugins
    from ..runs.session import Session

Given = TypeVar("Given", bound=Settings)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.", rich_help_panel=RUN)]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress on stderr.", rich_help_panel=RUN)]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Settings from a TOML file; options count more.", rich_help_panel=RUN
    ),
]
WriteConfig = Annotated[
    bool, typer.Option("--write-config", help="Print such a file of what would run, and stop.", rich_help_panel=RUN)
]
NOT_SETTINGS = {
    "config": (Config, None),
    "write_config": (WriteConfig, False),
    "as_json": (Json, False),
    "quiet": (Quiet, False),
}


def command(
    kind: type[Given],
    run: Callable[[Given, Session, bool], None],
    help: str,
) -> Callable[..., None]:
    """A Typer command whose options are the settings of ``kind``.

    :param run: does the work and prints the result, as JSON where the last argument says so.
    """

    def run_command(context: typer.Context, **values: Any) -> None:
        settings = read(context, kind, values)
        session = session_from(context, values["quiet"])
        from ..engine import leave_processes
        from ..jobs import resolved
        from ..runs.distinct import refuse_inputs

        if values["write_config"]:
            if is_main_process():
                print(to_toml(resolved(settings, session)), end="")
            return

        refuse_inputs(settings, {"--config": values["config"]})
        try:
            with session.plugins.at_work():
                run(settings, session, values["as_json"])
        finally:
            leave_processes()

    parameters = [inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)]
    for name, declared in kind.declared().items():
        annotation, default = _option(declared)
        parameters.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        )
    for name, (annotation, default) in NOT_SETTINGS.items():
        parameters.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        )
    run_command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run_command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run_command.__doc__ = help
    run_command.settings = kind  # type: ignore[attr-defined]  # for the reference
    return run_command


def shown(job: str) -> Callable[[Any, Session, bool], None]:
    """What runs the job of this name in :mod:`degan_cli.jobs`, torch and all, and shows its result."""

    def run(settings: Any, session: Session, as_json: bool) -> None:
        from .. import jobs

        getattr(jobs, job)(settings, session).show(as_json, session.quiet)

    return run


def read(context: typer.Context, kind: type[Given], values: Mapping[str, Any]) -> Given:
    """The settings that options, the environment and a file give; options count most, then the environment.

    :raises UsageError: for a value that makes no sense, and for a required setting that nobody gave.
    """
    options: dict[str, Any] = {}
    environment: dict[str, Any] = {}
    for name, declared in kind.declared().items():
        source = getattr(context.get_parameter_source(name), "name", "")
        if source == "COMMANDLINE":
            options[name] = _value(declared, values[name])
        elif source == "ENVIRONMENT":
            environment[name] = _value(declared, values[name])
    layers = [] if values.get("config") is None else [read_config(values["config"], kind)]
    variables = ", ".join(kind.declared()[name].metadata["env"] for name in environment)
    layers += [Layer(f"environment {variables}", environment), Layer("option", options)]
    # Other methods' own settings may share a name with an option: zskd and the student both have a temperature.
    for name in options.keys() & options.get("settings", {}).keys() & set(WEIGHTS):
        raise UsageError(f"--set {name}={options['settings'][name]}: {name} is given twice, as an option too")
    for name, value in options.items():
        below = layers[0].values.get(name) if values.get("config") is not None else None
        if isinstance(value, dict) and isinstance(below, dict):  # of a table, options replace single values
            options[name] = {**below, **value}
    given = {name for layer in layers for name in layer.values}
    for name, declared in kind.declared().items():
        if declared.required and name not in given:
            what = "argument" if declared.metadata["argument"] else "option"
            raise UsageError(f"Missing {what} '{declared.flag}'; see {context.command_path} --help")
    return kind.read(*layers)


def session_from(context: typer.Context, quiet: bool) -> Session:
    """A session with the plugins of :func:`plugins_from`."""
    from ..runs.session import Session

    return Session(plugins=plugins_from(context), quiet=quiet)


def plugins_from(context: typer.Context) -> Plugins:
    """What ``--no-plugins``, ``DEGAN_DISABLE_PLUGINS`` and ``DEGAN_RAISE_PLUGIN_ERRORS`` let be loaded."""
    from ..plugins import load_plugins

    disabled = frozenset(re.split(r"[,\s]+", os.environ.get("DEGAN_DISABLE_PLUGINS", ""))) - {""}
    raise_errors = os.environ.get("DEGAN_RAISE_PLUGIN_ERRORS", "") not in ("", "0")
    return load_plugins(not context.find_root().params.get("no_plugins", False), disabled, raise_errors)


def _value(declared: Setting, value: Any) -> Any:
    """A value of the command line as the setting wants it."""
    if declared.kind is Mapping:
        return ({} if value else None) if isinstance(value, bool) else read_pairs(value)
    return tuple(value) if declared.kind == tuple[str, ...] else value


def _option(declared: Setting) -> tuple[Any, Any]:
    """The annotation of a setting as a Typer option or argument, and its default."""
    about = declared.metadata
    shown = _shown_default(declared)
    common: dict[str, Any] = {
        "help": about["help"] + (" Required." if declared.required else ""),
        "metavar": declared.metavar,
        "show_default": shown,
    }
    if about["env"]:
        common["envvar"] = about["env"]
    if completes := completion(declared.name):
        common["autocompletion"] = completes
    kind, flags = _typer_kind(declared)
    choices = about["choices"]
    if choices and not about["renamed"]:
        kind = Literal[tuple(choices)]
    if declared.kind in (int, float) and about["automatic"] is None:
        common |= {"min": about["min"], "max": about["max"]}
    default = None if declared.required or declared.default is None else declared.default
    if declared.kind in (tuple[str, ...], *NUMBERS, Mapping):
        default = ",".join(map(str, default)) if declared.kind in NUMBERS and default else None
        default = False if kind is bool else default
    if about["argument"]:
        return Annotated[kind | None, typer.Argument(**common)], default
    return Annotated[kind | None, typer.Option(*flags, rich_help_panel=declared.panel, **common)], default


def _typer_kind(declared: Setting) -> tuple[Any, tuple[str, ...]]:
    """What Typer parses, and the option's spellings."""
    flags: tuple[str, ...] = declared.metadata["flags"] or (declared.flag,)
    if declared.kind is bool and (declared.default is not False):
        return bool, (f"{declared.flag}/--no-{declared.flag[2:]}",)
    if declared.kind is Mapping and declared.flag != "--set":
        return bool, flags
    if declared.kind in (Mapping, tuple[str, ...]):
        return list[str], flags
    if declared.kind in NUMBERS:
        return str, flags
    return declared.kind, flags


def _shown_default(declared: Setting) -> bool | str:
    text: str = declared.metadata["shown_default"]
    if text:
        return text
    empty = declared.required or declared.default is None or declared.default is False or declared.default in ((), {})
    return not empty
