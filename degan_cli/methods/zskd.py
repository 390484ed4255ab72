"""Zero-shot knowledge distillation: data impressions, images whose softened prediction is a drawn one.

Source: Nayak et al., "Zero-Shot Knowledge Distillation in Deep Networks", ICML 2019, section 3. Classes that share
much of their last-layer weights are drawn as similar: a prediction comes from a Dirichlet distribution whose
concentrations are a class's similarities, times beta (1 and 0.1 in turn: flat and peaked predictions). The image
starts as uniform noise and is optimised until the classifier, softened, gives that prediction.
Where paper and code differ: in the code beta cancels, ours does what the paper says; in the code the classifier runs
in training mode, ours in eval mode. In a batch the classes take turns, where the authors' batches hold one class.
"""

from __future__ import annotations

import numpy
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim import Optimizer

from ..errors import UsageError
from ..losses import impression_loss
from ..models import tapped
from ..specs import InversionParts, Network
from .deepinversion import in_turn

BETAS = (1.0, 0.1)
LEAST = 1e-4
"""Added to every concentration."""


class ZeroShot:
    """Data impressions of every class alike."""

    def __init__(self, parts: InversionParts) -> None:
        self.engine = parts.engine
        self.classifier = parts.classifier
        self.temperature: float = parts.settings.temperature
        self.similarity = class_similarity(_head_weight(parts))  # (classes, classes) in [0, 1], on the CPU

    def begin(self, count: int, noise: torch.Generator) -> tuple[Tensor, Tensor]:
        """Uniform noise, and drawn predictions (count, classes)."""
        values = torch.rand(count, *self.classifier.input.shape, generator=noise)
        wanted = draw_predictions(self.similarity, count, noise)
        return values.to(self.engine.device), wanted.to(self.engine.device)

    def loss(self, values: Tensor, targets: Tensor, noise: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Cross-entropy of the softened prediction with the drawn one."""
        loss = impression_loss(self.classifier(values), targets, self.temperature)
        return loss, {"cross_entropy": loss.detach()}

    def pixels(self, values: Tensor) -> Tensor:
        """The batch stretched to [0, 1] as one, in place."""
        with torch.no_grad():
            least, most = values.aminmax()
            values.sub_(least).div_((most - least).clamp_min(1e-12))
        return values

    def learn(self, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Nothing beside the images learns here."""
        return {}

    def state(self) -> dict[str, Network | Optimizer]:
        """Empty: nothing beside the images is trained."""
        return {}


def class_similarity(weight: Tensor) -> Tensor:
    """How alike the classes are to the classifier: cosines of their last-layer weights, stretched to [0, 1].

    Shape: ``weight`` (classes, features); returns (classes, classes), 1 on the diagonal and 0 for the least alike pair.
    Source: Nayak et al., ICML 2019, equation 2, and the authors' code, which stretches over the whole matrix.
    """
    directions = F.normalize(weight.detach().float().cpu(), dim=1)
    cosines = directions @ directions.T
    return (cosines - cosines.min()) / (cosines.max() - cosines.min()).clamp_min(1e-12)


def draw_predictions(similarity: Tensor, count: int, noise: torch.Generator) -> Tensor:
    """Predictions (count, classes), classes in turn, one half with each beta; each row has the sum 1."""
    classes = len(similarity)
    turns = in_turn(count, classes * len(BETAS), noise)
    rows = similarity[turns % classes]  # (count, classes)
    lowest, highest = rows.amin(dim=1, keepdim=True), rows.amax(dim=1, keepdim=True)
    stretched = (rows - lowest) / (highest - lowest).clamp_min(1e-12)
    betas = torch.tensor(BETAS)[turns // classes, None]  # (count, 1)
    random = numpy.random.default_rng(int(torch.randint(2**62, (), generator=noise)))
    shares = random.standard_gamma((betas * stretched + LEAST).double().numpy())  # normalised: a Dirichlet draw
    drawn = torch.from_numpy(shares).clamp_min(torch.finfo(torch.float64).tiny)
    return (drawn / drawn.sum(dim=1, keepdim=True)).float()


def _head_weight(parts: InversionParts) -> Tensor:
    """Weights (classes, features) of the linear layer that runs last; UsageError where its outputs are no classes."""
    blank = torch.zeros(2, *parts.classifier.input.shape, device=parts.engine.device)
    with torch.no_grad(), tapped(parts.classifier) as tap:
        parts.classifier(blank)
    weight: Tensor | None = parts.classifier.get_parameter(f"{tap.layer}.weight") if tap.layer else None
    if weight is None or len(weight) != len(parts.classifier.class_names):
        raise UsageError(
            "the classifier has no linear layer whose outputs are its classes, so these cannot be compared; use "
            "--method dafl"
        )
    return weight
