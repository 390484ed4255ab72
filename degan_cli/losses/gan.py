"""The losses of adversarial training, as pure functions of logits.

Every loss is computed in float32 whatever the precision of its arguments, and is a scalar to minimise.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from .checks import checked_logits, unchanged


def real_loss(logits: Tensor) -> Tensor:
    """Binary cross-entropy, in nats, of calling a batch real: -log D(x), averaged.

    The discriminator's term on proxy images, and the generator's adversarial term on its own images.
    The latter is the non-saturating form: the paper's equation 7 prints log(1 - D(G(z))), the code that
    made its numbers minimises -log D(G(z)), and so do we.

    Shape: ``logits`` (batch,), positive for real; returns a scalar in [0, inf).
    Source: Addepalli et al., "DeGAN", AAAI 2020, equations 2 and 7.
    """
    return F.softplus(-logits.float()).mean()


def fake_loss(logits: Tensor) -> Tensor:
    """Binary cross-entropy, in nats, of calling a batch generated: -log(1 - D(G(z))), averaged.

    Shape: ``logits`` (batch,), positive for real; returns a scalar in [0, inf).
    Source: Addepalli et al., "DeGAN", AAAI 2020, equation 3.
    """
    return F.softplus(logits.float()).mean()


def entropy_loss(logits: Tensor) -> Tensor:
    """Mean entropy, in nats, of the classifier's predictions: 0 when each image is certain, log(classes) at most.

    Shape: ``logits`` (batch, classes), unnormalised; returns a scalar.
    Raises: ValueError when ``logits`` is not two-dimensional or the batch is empty.
    Source: Addepalli et al., "DeGAN", AAAI 2020, equation 4, over K terms (the paper prints K + 1).
    Differs from the authors' code: log-softmax instead of log(p + 1e-5).
    """
    log_probabilities = F.log_softmax(checked_logits(logits), dim=1)
    return -(log_probabilities.exp() * log_probabilities).sum(dim=1).mean()


def diversity_loss(logits: Tensor, mean_over_processes: Callable[[Tensor], Tensor] = unchanged) -> Tensor:
    """Negative entropy, in nats, of the classifier's mean prediction over a batch.

    Least, -log(classes), when the batch spreads evenly over the classes; greatest, 0, when every
    image gets the same class with certainty. The loss that the paper calls L_div is minus this one.

    :param logits: (batch, classes), unnormalised.
    :param mean_over_processes: differentiable mean of the class means over all processes, because the
        entropy of a mean is not the mean of entropies.
    :returns: a scalar, finite with finite gradients even where a class has probability 0.
    :raises ValueError: when ``logits`` is not two-dimensional or the batch is empty.

    Source: Addepalli et al., "DeGAN", AAAI 2020, equation 5. The authors' code gives NaN when a class underflows.
    """
    mean = mean_over_processes(F.softmax(checked_logits(logits), dim=1).mean(dim=0))  # (classes,)
    return (mean * mean.clamp_min(torch.finfo(mean.dtype).tiny).log()).sum()
