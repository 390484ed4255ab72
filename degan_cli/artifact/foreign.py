"""What a model from elsewhere is: what its user says, then its folder, then its architecture. Nothing is guessed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..config.groups import ForeignSettings
from ..config.names import split_names
from ..errors import BadFile, UsageError
from ..specs import ArchitectureSpec, InputSpec
from .file import Artifact
from .header import MAX_SIDE, Header
from .model_folder import Description
from .weights import completed, mismatches, shapes

if TYPE_CHECKING:
    from ..plugins import Plugins

INPUT_OPTIONS = "--image-size N --mean X,X,X --std X,X,X"


@dataclass(frozen=True, slots=True)
class Foreign:
    """A model from elsewhere as it will be used."""

    header: Header
    """As if it were ours."""
    assumed: str
    """What nobody said and the architecture decided, as a warning; empty where all was said."""


def describe(file: Artifact, plugins: Plugins, said: ForeignSettings) -> Foreign:
    """Put together what is known of a file without a header.

    The size of its images, and their mean and std, may follow from the architecture: from its published weights, or
    from a size that it insists on. Images are grey where its first layer says so.

    :raises UsageError: when architecture, number of classes or input are not known, or contradict each other.
    :raises BadFile: when the file with the class names cannot be read.
    """
    told = file.description or Description()
    arch = said.arch or told.architecture
    names = told.class_names if said.class_names is None else read_class_names(said.class_names)
    classes = said.num_classes or len(names) or told.num_classes
    if arch is None or classes is None:
        raise UsageError(
            f'{file.path}: has no "degan" header; if it is a plain state dict, add --arch NAME --num-classes K'
        )
    if names and len(names) != classes:
        raise UsageError(f"{file.path}: has {classes} classes, but {len(names)} class names; see --class-names")
    spec = plugins.architectures.get(arch)
    input, assumed = _input(file, spec, classes, told, said)
    header = Header(
        kind="classifier",
        architecture=arch,
        class_names=names or tuple(map(str, range(classes))),
        input=input,
        provider=plugins.architectures.provider(arch),
    )
    return Foreign(header, assumed)


def refuse_contradictions(path: str, header: Header, said: ForeignSettings) -> None:
    """Raise UsageError where the user says something else of an artifact than its header does."""
    assert header.input is not None
    classes, size = len(header.class_names), (header.input.height, header.input.width)
    if said.arch not in (None, header.architecture):
        raise UsageError(f"{path}: holds {header.architecture}, not --arch {said.arch}; leave --arch out")
    if said.num_classes not in (None, classes):
        raise UsageError(f"{path}: has {classes} classes, not --num-classes {said.num_classes}; leave the option out")
    if said.image_size is not None and size != (said.image_size, said.image_size):
        shown = header.input.describe()
        raise UsageError(f"{path}: takes images {shown}, not of --image-size {said.image_size}; leave the option out")
    for option, given, own in (("--mean", said.mean, header.input.mean), ("--std", said.std, header.input.std)):
        if given is not None and _per_channel(given, len(own), option) != own:
            raise UsageError(f"{path}: takes images {header.input.describe()}; leave {option} out")
    if said.class_names is not None and read_class_names(said.class_names) != header.class_names:
        raise UsageError(f"{path}: names its classes itself; leave --class-names out")


def read_class_names(text: str) -> tuple[str, ...]:
    """The names in a file, one a line, or in a list parted by commas, in quotes where they have commas of their own.

    :raises UsageError: when a name is there twice, or a text without commas is no file.
    :raises BadFile: when the file cannot be read.
    """
    if os.path.isfile(text):  # which a long list is not, where Path.is_file would raise
        try:
            lines = Path(text).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise BadFile(f"--class-names {text}: cannot be read ({error}); write one name a line, as UTF-8") from error
    elif "," in text:
        lines = split_names(text, "--class-names")
    else:
        raise UsageError(f"--class-names {text}: is neither a file nor a list of names such as cat,dog")
    names = tuple(line.strip() for line in lines if line.strip())
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"--class-names {text}: {twice} is there twice; each class needs a name of its own")
    return names


def _input(
    file: Artifact, spec: ArchitectureSpec, classes: int, told: Description, said: ForeignSettings
) -> tuple[InputSpec, str]:
    """The images that it takes, and what of them the architecture decided, as a warning."""
    fixed = None if spec.size is None else (spec.size, spec.size)
    own_size = fixed or spec.published_size
    size = told.size if said.image_size is None else (said.image_size, said.image_size)
    given = {"mean": said.mean or told.mean, "std": said.std or told.std}
    unsaid = [*([] if size else ["size"]), *(name for name, values in given.items() if values is None)]
    if unsaid and own_size is None:  # then its mean and std are no more than a habit of ours
        options = {"size": "--image-size N", "mean": "--mean X,X,X", "std": "--std X,X,X"}
        missing = " ".join(options[name] for name in unsaid)
        raise UsageError(f"{file.path}: nothing says which images it takes; add {missing} as in its training")
    height, width = size or own_size or (0, 0)
    if fixed is not None and fixed != (height, width):
        raise UsageError(f"{file.path}: {spec.name} takes images of {fixed[0]}x{fixed[1]} pixels, not {height}x{width}")
    if max(height, width) > MAX_SIDE:
        raise UsageError(f"--image-size {max(height, width)} is more than {MAX_SIDE} pixels")
    channels = next((c for c in (3, 1) if _fits(file, spec, classes, (c, height, width))), 3)
    usual = dict(zip(given, spec.statistics(channels), strict=True))
    mean, std = (
        usual[name] if values is None else _per_channel(values, channels, f"--{name}") for name, values in given.items()
    )
    try:
        input = InputSpec(channels=channels, height=height, width=width, mean=mean, std=std)
    except ValueError as error:
        raise UsageError(f"{file.path}: {error}; see --mean and --std") from error
    if not unsaid:
        return input, ""
    whose = f"{spec.name}'s own" if fixed else f"those of the published weights of {spec.name}"
    return input, f"nobody said its {', '.join(unsaid)}: taken as {whose}; if that is wrong, add {INPUT_OPTIONS}"


def _per_channel(values: tuple[float, ...], channels: int, option: str) -> tuple[float, ...]:
    """One value per channel, where one alone stands for all."""
    values = values * channels if len(values) == 1 else values
    if len(values) != channels:
        raise UsageError(f"{option} has {len(values)} values, but the images have {channels} channels")
    return values


def _fits(file: Artifact, spec: ArchitectureSpec, classes: int, shape: tuple[int, int, int]) -> bool:
    channels, height, width = shape
    any_values = {"mean": (0.0,) * channels, "std": (1.0,) * channels}
    input = InputSpec(channels=channels, height=height, width=width, **any_values)
    wanted = shapes(lambda: spec.build(classes, input))
    return not mismatches(completed(file.tensors, wanted), wanted)
