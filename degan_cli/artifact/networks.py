"""Classifiers and generators as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import torch

from .. import __version__
from ..config.groups import ForeignSettings
from ..console import quoted
from ..errors import BadFile, PluginError, UnknownName, UsageError, turned_into
from ..models import Classifier, Generator
from ..specs import ArchitectureSpec, ClassifierNetwork, GanShape, GanSpec, GeneratorNetwork, InputSpec
from .file import Artifact, expect, made_here, read_artifact, write_artifact
from .fitting import fitting
from .foreign import describe, refuse_contradictions
from .header import Header
from .makers import absence, maker
from .weights import build_with

if TYPE_CHECKING:
    from ..plugins import Plugins, Registry

Model = TypeVar("Model", covariant=True)
Spec = TypeVar("Spec", ArchitectureSpec, GanSpec)
Plain = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Loaded(Generic[Model]):
    """A model on the CPU in eval mode, and the file that it came from."""

    model: Model
    header: Header
    sha256: str
    path: str
    assumed: str = ""
    """What nobody said of a model from elsewhere and its architecture decided, as a warning."""


def save_classifier(
    path: str | Path,
    classifier: ClassifierNetwork,
    *,
    provider: str,
    run: Plain | None = None,
    metrics: Plain | None = None,
    parents: Sequence[Plain] = (),
    versions: Mapping[str, str] | None = None,
) -> str:
    """Write a classifier; the SHA-256 of the file.

    :param versions: of the plugins that took part, by their distribution.
    :raises Diverged: when weights are NaN or infinite; nothing is written then.
    """
    header = made_here(
        kind="classifier",
        architecture=classifier.architecture,
        class_names=classifier.class_names,
        input=classifier.input,
        provider=provider,
        run=run or {},
        metrics=metrics or {},
        parents=parents,
        versions=versions,
    )
    return write_artifact(path, classifier.network.state_dict(), header)


def save_generator(
    path: str | Path,
    generator: GeneratorNetwork,
    class_names: Sequence[str],
    input: InputSpec,
    *,
    provider: str,
    run: Plain | None = None,
    metrics: Plain | None = None,
    parents: Sequence[Plain] = (),
    versions: Mapping[str, str] | None = None,
) -> str:
    """Write a generator with the class names and input of the classifier it was made for; the SHA-256.

    :param versions: of the plugins that took part, by their distribution.
    :raises Diverged: when weights are NaN or infinite; nothing is written then.
    """
    shape = generator.shape
    header = made_here(
        kind="generator",
        gan={
            "name": generator.gan,
            "channels": shape.channels,
            "size": shape.size,
            "latent": shape.latent,
            "width": shape.width,
        },
        class_names=tuple(class_names),
        input=input,
        provider=provider,
        run=run or {},
        metrics=metrics or {},
        parents=parents,
        versions=versions,
    )
    return write_artifact(path, generator.network.state_dict(), header)


def load_classifier(
    source: str | Path | Artifact, plugins: Plugins, said: ForeignSettings | None = None
) -> Loaded[Classifier]:
    """A classifier of ours, a plain state dict from elsewhere, or a folder of timm or Hugging Face.

    :param said: what the user says of a model from elsewhere; of ours it may say nothing else than the header.
    :raises UsageError: when options are missing, or contradict the header.
    :raises BadFile: when the file is damaged, holds something else, or its keys do not fit the network.
    :raises PluginError: when the architecture's plugin is not there; the message quotes what the file says of it.
    """
    file = source if isinstance(source, Artifact) else read_artifact(source)
    said = said or ForeignSettings()
    if file.header is None:
        return _load_foreign(file, plugins, said)
    header = expect(file, file.header, "classifier")
    if header.input is None or not header.class_names:
        raise BadFile(f'{file.path}: the "degan" header lacks input or class names; fetch or make the file again')
    refuse_contradictions(file.path, header, said)
    spec = _find(plugins.architectures, header.architecture, header, file.path, plugins)
    classifier = _built(file, header, header.input, spec, lambda: maker(header))
    return Loaded(classifier, header, file.sha256, file.path)


def _load_foreign(file: Artifact, plugins: Plugins, said: ForeignSettings) -> Loaded[Classifier]:
    foreign = describe(file, plugins, said)
    header, input = foreign.header, foreign.header.input
    assert input is not None
    classes = len(header.class_names)

    def advice() -> str:
        options = fitting(plugins, file.tensors, header.architecture, classes, input)
        return f"they do fit {options}" if options else "check --arch and --num-classes"

    classifier = _built(file, header, input, plugins.architectures.get(header.architecture), advice)
    _check_runs(classifier, file.path)
    return Loaded(classifier, header, file.sha256, file.path, foreign.assumed)


def _built(
    file: Artifact, header: Header, input: InputSpec, spec: ArchitectureSpec, advice: Callable[[], str]
) -> Classifier:
    classes = len(header.class_names)
    what = f'{file.path}: "{spec.name}" for {classes} classes'
    network = build_with(lambda: spec.build(classes, input), file.tensors, what, advice)
    return Classifier(network, header.architecture, header.class_names, input).eval()


def _check_runs(classifier: Classifier, path: str) -> None:
    """Raise UsageError where a network cannot take images of the size that was given."""
    black = torch.zeros(1, *classifier.input.shape)
    failed = f"{path}: {classifier.architecture} fails on images of {classifier.input.width}x{classifier.input.height}"

    def fails(error: Exception) -> UsageError:
        reason = str(error).split("\n")[0]
        return UsageError(f"{failed} pixels ({reason}); give another --image-size")

    with turned_into(fails, (RuntimeError, ValueError, AssertionError)), torch.no_grad():
        classifier(black)


def load_generator(source: str | Path | Artifact, plugins: Plugins) -> Loaded[Generator]:
    """A generator; raises as :func:`load_classifier` does."""
    file = source if isinstance(source, Artifact) else read_artifact(source)
    header = expect(file, file.header, "generator")
    if header.gan is None:
        raise BadFile(f'{file.path}: the "degan" header lacks the GAN; fetch or make the file again')
    gan = dict(header.gan)
    spec = _find(plugins.gans, gan["name"], header, file.path, plugins)
    shape = GanShape(channels=gan["channels"], size=gan["size"], latent=gan["latent"], width=gan["width"])
    what = f'{file.path}: generator "{spec.name}" of {shape.channels}x{shape.size}x{shape.size}'
    network = build_with(lambda: spec.generator(shape), file.tensors, what, lambda: maker(header))
    return Loaded(Generator(network, spec.name, shape).eval(), header, file.sha256, file.path)


def _find(registry: Registry[Spec], name: str, header: Header, path: str, plugins: Plugins) -> Spec:
    """The spec that a header names; when it is missing, an error that repeats what the file says of its maker."""
    try:
        return registry.get(name)
    except UnknownName as error:
        distribution = header.provider.rpartition(" ")[0]
        fault = f"{path}: there is no {registry.kind} {quoted(name)} here; {maker(header)}"
        if distribution in ("", "degan-cli"):
            raise BadFile(f"{fault}, and this is {__version__}; upgrade degan-cli") from error
        raise PluginError(f"{fault}, {absence(distribution, plugins)}") from error
