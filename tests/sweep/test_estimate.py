"""The time of a sweep on several workers, worked out by hand."""

import pytest

from degan_cli.sweep.estimate import makespan

# a takes 2 s; b, c and d need it and take 3, 2 and 4 s; e needs b and c and takes 1 s.
SECONDS = {"a": 2.0, "b": 3.0, "c": 2.0, "d": 4.0, "e": 1.0}
NEEDS = {"b": ["a"], "c": ["a"], "d": ["a"], "e": ["b", "c"]}


@pytest.mark.parametrize(
    ("workers", "seconds"),
    [
        (1, 12.0),  # all of it
        (2, 8.0),  # a 0-2; b 2-5 beside c 2-4, then d 4-8 beside e 5-6
        (3, 6.0),  # a 0-2; b, c and d at once, d to 6 beside e 5-6
        (64, 6.0),  # the longest chains are a d and a b e
    ],
)
def test_the_time_on_several_workers(workers, seconds):
    assert makespan(SECONDS, NEEDS, workers) == seconds


def test_what_is_made_already_is_not_waited_for():
    assert makespan({"e": 1.0}, NEEDS, 1) == 1.0
    assert makespan({}, NEEDS, 8) == 0.0
