"""A method's own settings: from names and values to its dataclass, with every value checked."""

from dataclasses import dataclass, field

import pytest

from degan_cli.config.method_settings import read_pairs, read_settings
from degan_cli.errors import UsageError
from degan_cli.specs import MethodSpec


@dataclass(frozen=True)
class Knobs:
    weight: float = field(default=5.0, metadata={"min": 0, "max": 9})
    rounds: int = field(default=3, metadata={"min": 1})
    twice: bool = False
    norm: str = field(default="l2", metadata={"choices": ("l1", "l2")})


METHOD = MethodSpec(name="knobby", build=lambda parts: None, settings=Knobs)
BARE = MethodSpec(name="bare", build=lambda parts: None)


def test_texts_become_typed_values():
    pairs = read_pairs(["weight=0.5", "rounds=7", "twice=yes", "norm=l1"])
    assert read_settings(METHOD, pairs) == Knobs(0.5, 7, True, "l1")
    assert read_settings(METHOD, {}) == Knobs()
    assert read_settings(METHOD, {}, {"weight": 1.5}) == Knobs(1.5)


def test_values_that_are_typed_already_are_taken():
    assert read_settings(METHOD, {"weight": 2, "rounds": 7, "twice": True, "norm": "l1"}) == Knobs(2.0, 7, True, "l1")
    assert isinstance(read_settings(METHOD, {"weight": 2}).weight, float)


def test_a_pair_may_hold_more_equal_signs_and_no_value():
    assert read_pairs(["a=b=c", "d="]) == {"a": "b=c", "d": ""}


@pytest.mark.parametrize(
    ("pairs", "given", "message"),
    [
        (["weigth=1"], {}, 'method "knobby" has no setting "weigth"; did you mean "weight"?'),
        (["zzz=1"], {}, "its settings: weight, rounds, twice, norm"),
        (["weight"], {}, "--set weight: write it as NAME=VALUE"),
        (["=1"], {}, "--set =1: write it as NAME=VALUE"),
        (["weight=1", "weight=2"], {}, "--set weight=2: weight is given twice"),
        (["rounds=1.5"], {}, "--set rounds=1.5: '1.5' is not a whole number"),
        (["rounds="], {}, "'' is not a whole number"),
        (["weight=much"], {}, "'much' is not a number"),
        (["twice=maybe"], {}, "'maybe' is not true or false"),
        (["weight=10"], {}, "weight 10.0 is not between 0 and 9"),
        (["weight=nan"], {}, "--set weight nan is not a finite number"),
        (["rounds=0"], {}, "rounds 0 is not at least 1"),
        (["norm=l3"], {}, "norm 'l3' is none of: l1, l2"),
        (["weight=1"], {"weight": 2.0}, "weight is given twice"),
        ([], {"lambda_e": 1.0}, '--lambda-e: method "knobby" has no setting "lambda_e"'),
    ],
)
def test_mistakes_are_named(pairs, given, message):
    with pytest.raises(UsageError) as caught:
        read_settings(METHOD, read_pairs(pairs), given)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rounds": 1.5}, "1.5 is not a whole number"),
        ({"rounds": True}, "True is not a whole number"),
        ({"weight": -1}, "weight -1.0 is not between 0 and 9"),
        ({"weight": True}, "True is not a number"),
        ({"twice": 1}, "1 is not true or false"),
        ({"norm": 3}, "3 is not text"),
    ],
)
def test_values_of_another_type_are_named_too(values, message):
    with pytest.raises(UsageError) as caught:
        read_settings(METHOD, values)
    assert message in str(caught.value)


def test_a_method_without_settings_says_so():
    with pytest.raises(UsageError, match='method "bare" has no setting "x"; it has none'):
        read_settings(BARE, {"x": "1"})
