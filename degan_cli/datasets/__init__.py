"""The built-in data sets; the modules that need torch are imported when a set is loaded."""

from __future__ import annotations

from collections.abc import Callable

from .. import hookimpl
from ..specs import DatasetRequest, DatasetSpec, ImageSet
from .paper_proxies import PROXIES

STANDARD = {
    "mnist": ("handwritten digits, 28x28 grey", "LeCun et al., Proc. IEEE 86(11), 1998"),
    "fashion-mnist": ("articles of clothing, 28x28 grey", "Xiao et al., arXiv 1708.07747"),
    "cifar10": ("ten classes of animals and vehicles, 32x32 RGB", "Krizhevsky, technical report, Toronto 2009"),
    "cifar100": ("a hundred classes of things, 32x32 RGB", "Krizhevsky, technical report, Toronto 2009"),
    "svhn": ("house numbers in the street, 32x32 RGB", "Netzer et al., NIPS workshop 2011"),
}
"""Sets that are read from a folder: description and source."""


@hookimpl
def degan_datasets() -> list[DatasetSpec]:
    """The sets of the paper, its proxies, and three that need no files."""
    return [
        *(
            DatasetSpec(name=name, load=_standard(name), description=description, source=source)
            for name, (description, source) in STANDARD.items()
        ),
        DatasetSpec(
            name="digits",
            load=_digits,
            description="handwritten digits, 8x8 grey, 1797 images; needs no files",
            source="scikit-learn's load_digits: the test part of UCI Optdigits, Alpaydin and Kaynak 1998",
        ),
        DatasetSpec(
            name="noise",
            load=_noise,
            description="fixed uniform noise, 32x32 RGB, 50000 + 10000 images without labels; needs no files",
            source="the last column of Table 2 in Addepalli et al., AAAI 2020, which gives neither seed nor size",
        ),
        DatasetSpec(
            name="photos",
            load=_photos,
            description="crops of two photographs, 32x32 RGB, 20000 + 2000 images without labels; needs no files",
            source="scikit-learn's load_sample_image; crops as in Asano and Saeed, ICLR 2023",
        ),
        *(
            DatasetSpec(
                name=name,
                load=_proxy(proxy.classes),
                description=proxy.description,
                source=proxy.source,
            )
            for name, proxy in PROXIES.items()
        ),
    ]


def _standard(name: str) -> Callable[[DatasetRequest], ImageSet]:
    def load(request: DatasetRequest) -> ImageSet:
        from .torchvision_sets import load_standard

        return load_standard(name, request)

    return load


def _proxy(classes: tuple[str, ...]) -> Callable[[DatasetRequest], ImageSet]:
    def load(request: DatasetRequest) -> ImageSet:
        from .subset import find_class, subset
        from .torchvision_sets import load_standard

        whole = load_standard("cifar100", request)
        return subset(whole, [find_class(name, whole.class_names, "cifar100") for name in classes])

    return load


def _digits(request: DatasetRequest) -> ImageSet:
    from .digits import load_digits

    return load_digits(request.split)


def _photos(request: DatasetRequest) -> ImageSet:
    from .photos import load_photos

    return load_photos(request.split, request.shape)


def _noise(request: DatasetRequest) -> ImageSet:
    from .noise import load_noise

    return load_noise(request.split)
