from dataclasses import dataclass, field

import pytest

from degan_cli.config.method_settings import read_settings
from degan_cli.errors import UsageError
from degan_cli.specs import MethodSpec


@dataclass(frozen=True)
class Knobs:
    weight: float = field(default=5.0, metadata={"min": 0, "max": 9})
    rounds: int = 3
    twice: bool = False
    norm: str = "l2"


METHOD = MethodSpec(name="knobby", build=lambda parts: None, settings=Knobs)


def test_texts_become_typed_values():
    assert read_settings(METHOD, ["weight=0.5", "rounds=7", "twice=yes", "norm=l1"], {}) == Knobs(0.5, 7, True, "l1")
    assert read_settings(METHOD, [], {}) == Knobs()
    assert read_settings(METHOD, [], {"weight": 1.5}) == Knobs(1.5)


@pytest.mark.parametrize(
    ("pairs", "given", "message"),
    [
        (["weigth=1"], {}, 'method "knobby" has no setting "weigth"; did you mean "weight"?'),
        (["zzz=1"], {}, "its settings: weight, rounds, twice, norm"),
        (["weight"], {}, "write it as NAME=VALUE"),
        (["rounds=1.5"], {}, "'1.5' is no int"),
        (["twice=maybe"], {}, "write true or false"),
        (["weight=10"], {}, "weight 10.0 is not between 0 and 9"),
        (["weight=nan"], {}, "weight nan is not between 0 and 9"),
        (["weight=1"], {"weight": 2.0}, "weight is given twice"),
        ([], {"lambda_e": 1.0}, '--lambda-e: method "knobby" has no setting "lambda_e"'),
    ],
)
def test_mistakes_are_named(pairs, given, message):
    with pytest.raises(UsageError) as caught:
        read_settings(METHOD, pairs, given)
    assert message in str(caught.value)
