"""The parts of CIFAR-100 that the paper uses as proxies for CIFAR-10 (Table 2), as lists of classes; no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .class_names import CIFAR100

VEHICLES = (
    *("bicycle", "bus", "motorcycle", "pickup_truck", "train"),
    *("lawn_mower", "rocket", "streetcar", "tank", "tractor"),
)
"""The superclasses vehicles 1 and vehicles 2, which CIFAR-10 has too."""
SUPERCLASSES: Mapping[str, tuple[str, ...]] = {
    "flowers": ("orchid", "poppy", "rose", "sunflower", "tulip"),
    "food containers": ("bottle", "bowl", "can", "cup", "plate"),
    "fruit and vegetables": ("apple", "mushroom", "orange", "pear", "sweet_pepper"),
    "household electrical devices": ("clock", "keyboard", "lamp", "telephone", "television"),
    "household furniture": ("bed", "chair", "couch", "table", "wardrobe"),
    "trees": ("maple_tree", "oak_tree", "palm_tree", "pine_tree", "willow_tree"),
    "large man-made outdoor things": ("bridge", "castle", "house", "road", "skyscraper"),
    "large natural outdoor scenes": ("cloud", "forest", "mountain", "plain", "sea"),
}
"""The eight superclasses of CIFAR-100 that show neither animals, people nor vehicles."""

NINETY = tuple(name for name in CIFAR100 if name not in VEHICLES)
FORTY = tuple(sorted(name for names in SUPERCLASSES.values() for name in names))
SIX = ("road", "cloud", "forest", "mountain", "plain", "sea")

TENS = tuple(
    tuple(draw.split())
    for draw in (
        "rose maple_tree mountain house telephone orange can wardrobe orchid couch",
        "bottle bowl can couch house maple_tree mushroom oak_tree pear wardrobe",
        "apple bridge clock lamp pear sea table television tulip wardrobe",
        "bed bridge can castle cloud forest lamp oak_tree plain sea",
        "bed bowl couch lamp maple_tree palm_tree rose sunflower sweet_pepper willow_tree",
    )
)
"""Ten random classes of the 40. The first draw is in the authors' script; which of the paper's five it is, they do not
say. The other four were never published: ours were drawn once with Python's ``random.Random(n).sample``, n = 2 ... 5,
and stand here as data, since no Python promises to draw them again."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A named list of classes of CIFAR-100."""

    classes: tuple[str, ...]
    description: str
    source: str


PAPER = "Addepalli et al., DeGAN, AAAI 2020, Table 2"
PROXIES: Mapping[str, Proxy] = {
    "cifar100-90": Proxy(NINETY, "CIFAR-100 without its ten classes of vehicles", PAPER),
    "cifar100-40": Proxy(FORTY, "CIFAR-100: plants, household things and scenes, no animals or vehicles", PAPER),
    "cifar100-6": Proxy(SIX, "CIFAR-100: road and the five natural scenes, background only", PAPER),
    "cifar100-10-1": Proxy(TENS[0], "ten random classes of cifar100-40: the authors' public draw", PAPER),
    **{
        f"cifar100-10-{number}": Proxy(
            classes,
            "ten random classes of cifar100-40: our own fixed draw, the authors' is not public",
            f"{PAPER}, with classes of our own",
        )
        for number, classes in enumerate(TENS[1:], start=2)
    },
}
