"""Checks that plugin authors call in their own tests; each raises AssertionError saying what breaks the contract.

An exception of the author's own code becomes one too, which names the spec and the check and has it as its cause.

They need no test framework, no network connection, and seconds on a CPU::

    from degan_cli.testing import check_architecture

    def test_it_keeps_the_contract():
        for spec in degan_foo.degan_architectures():
            check_architecture(spec)
"""

from .architecture import check_architecture
from .dataset import check_dataset
from .gan import check_gan
from .inversion import check_inversion
from .method import check_method
from .strategy import check_strategy

__all__ = [
    "check_architecture",
    "check_dataset",
    "check_gan",
    "check_inversion",
    "check_method",
    "check_strategy",
]
