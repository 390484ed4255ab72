"""The plugin contract. A plugin is a module, named by an entry point of the group ``degan``::

    [project.entry-points.degan]
    foo = "degan_foo"

It marks the hooks that it offers, any of the four below, with :data:`degan_cli.hookimpl`. No hook takes an
argument; each returns an iterable of frozen specs from :mod:`degan_cli.specs`. All hooks of a plugin are called
once in a process, when a command first looks a name up, so specs must be light: import torch inside ``build``,
``load`` or ``find``. A hook of another name is refused. An exception in a plugin costs that plugin alone, which is
named on stderr; so does a name that something else offers already. What a plugin prints goes to stderr.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from ..specs import (
        ArchitectureFamily,
        ArchitectureSpec,
        DatasetSpec,
        GanSpec,
        InversionSpec,
        MethodSpec,
        StrategySpec,
    )

hookspec = pluggy.HookspecMarker("degan")


@hookspec
def degan_architectures() -> Iterable[ArchitectureSpec | ArchitectureFamily]:  # type: ignore[empty-body]
    """Offer classifiers, for ``--arch`` and ``--student``; also used to load the artifacts made with them.

    :returns: single architectures, and families of them behind a prefix such as ``timm/``. An artifact stores
        the name and the plugin's distribution, so keep names from one version to the next.

    .. versionadded:: 0.1
    """


@hookspec
def degan_datasets() -> Iterable[DatasetSpec]:  # type: ignore[empty-body]
    """Offer sets of images, for ``--dataset``, ``--proxy``, ``--new-data`` and ``--samples``.

    :returns: specs whose ``load`` fetches nothing over the network unless the request says ``download``.

    .. versionadded:: 0.1
    """


@hookspec
def degan_gans() -> Iterable[GanSpec]:  # type: ignore[empty-body]
    """Offer GAN backbones, for ``--gan``; also used to load the generators made with them.

    :returns: specs that build a generator and a discriminator for any shape they accept.

    .. versionadded:: 0.1
    """


@hookspec
def degan_methods() -> Iterable[MethodSpec | InversionSpec | StrategySpec]:  # type: ignore[empty-body]
    """Offer ways to make samples, for ``--method``, and to teach new classes, for ``--strategy``.

    :returns: specs whose settings ``--set name=value`` reaches and ``degan list methods`` documents.

    .. versionadded:: 0.1
    """
