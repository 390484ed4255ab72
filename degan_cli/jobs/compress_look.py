"""The look of ``degan compress`` at a classifier, its student and some images, and a short timing of training."""

from __future__ import annotations

from torch import Tensor

from ..artifact import Loaded
from ..config import CompressSettings, DistillSettings, EnrichSettings
from ..engine import Engine
from ..images import fit_uint8
from ..loops.pace import generator_pace, student_pace
from ..loops.top_classes import class_probabilities
from ..metrics import support
from ..models import Classifier, has_batch_norm, parameter_count
from ..runs.session import Session
from ..samples.open_online import build_method
from ..samples.sources import HELD_OUT_FRACTION
from ..specs import MethodSpec
from .compress_plan import BATCH_SIZE, GENERATOR_BATCH, Facts, is_far

LOOKED_AT = 2000
"""Images that the classifier is asked about, at most."""


def look(
    engine: Engine,
    loaded: Loaded[Classifier],
    student: Classifier,
    images: str,
    settings: CompressSettings,
    session: Session,
) -> Facts:
    """What the classifier and the images are, and how long updates take on them."""
    teacher = engine.place(loaded.model).freeze()
    channels, height, width = teacher.input.shape
    given = session.finder(settings).open(images, shape=teacher.input.shape).images
    chosen = given[:: max(1, len(given) // LOOKED_AT)][:LOOKED_AT].to(engine.device)
    found = support(class_probabilities(engine, teacher, chosen))
    update, scoring = student_pace(engine, teacher, engine.place(student), chosen, BATCH_SIZE)
    size = f"{'grey' if channels == 1 else 'colour'} {width}x{height}"
    norm = "with" if has_batch_norm(teacher) else "without"
    return Facts(
        classifier=f"classifier: {teacher.architecture}, {len(teacher.class_names)} classes, {size}, {norm} BatchNorm, "
        f"{parameter_count(teacher):,} parameters; student: {student.architecture}, {parameter_count(student):,}",
        images=images,
        number=len(given),
        support=found,
        update_seconds=update,
        look_seconds=scoring * min(DistillSettings.held_out, HELD_OUT_FRACTION * len(given)) / 1000,
        generator_seconds=_generator_seconds(engine, teacher, chosen, session) if is_far(found) else 0.0,
    )


def _generator_seconds(engine: Engine, teacher: Classifier, images: Tensor, session: Session) -> float:
    """Of one update of the generator that the plan may train.

    :param images: uint8 (n, C, H, W) of the classifier's shape, on the device.
    """
    spec = session.plugins.methods.get("degan")
    assert isinstance(spec, MethodSpec)
    gan = session.plugins.gans.get("dcgan")
    shape = gan.shape_for(teacher.input, EnrichSettings.latent, EnrichSettings.width)
    proxy = fit_uint8(images, shape.channels, shape.size, shape.size)
    method = build_method(engine, spec, gan.name, shape, teacher, None, 1e-3, spec.settings(), session.plugins)
    return generator_pace(engine, method, proxy, GENERATOR_BATCH)
