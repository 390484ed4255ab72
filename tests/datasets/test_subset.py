from __future__ import annotations

import pytest
import torch

from degan_cli.datasets.subset import find_class, match_classes, parse_classes, subset
from degan_cli.errors import UnknownName, UsageError
from degan_cli.specs import ImageSet

NAMES = ("apple", "Cat", "cat", "Maple tree", "5", "T-shirt/top")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("apple", [0]),
        ("APPLE", [0]),
        ("cat,Cat", [2, 1]),
        (" maple tree , apple,", [3, 0]),
        ("T-shirt/top", [5]),
        ("5", [4]),  # the name, not the sixth class
        ("0-2", [0, 1, 2]),
        ("3,0 - 1", [3, 0, 1]),
        ("1-2,cat,apple", [1, 2, 0]),
    ],
)
def test_classes_by_name_index_and_range(text: str, expected: list[int]) -> None:
    assert parse_classes(text, NAMES, "things") == expected


def test_numerals_that_are_names_win_in_ranges_too() -> None:
    assert parse_classes("6-8", tuple("56789"), "d") == [1, 2, 3]
    assert parse_classes("0-3", tuple("56789"), "d") == [0, 1, 2, 3]
    with pytest.raises(UnknownName):
        parse_classes("0-7", tuple("56789"), "d")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("aple", 'unknown class of things "aple"; did you mean "apple"?'),
        ("CAT", 'unknown class of things "CAT"; did you mean "cat"?'),
        ("6", "things: no class 6; its classes are numbered from 0 to 5"),
        ("2-6", "things: no classes 2-6; its classes are numbered from 0 to 5"),
        ("-1", 'unknown class of things "-1"; known: apple, Cat, cat, Maple tree, 5, T-shirt/top'),
    ],
)
def test_classes_that_do_not_exist(text: str, message: str) -> None:
    with pytest.raises(UnknownName) as caught:
        parse_classes(text, NAMES, "things")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "names", "message"),
    [
        ("", NAMES, 'no class after the ":"'),
        (" , ", NAMES, 'no class after the ":"'),
        ("3-1", NAMES, "runs backwards; write 1-3"),
        ("cat", (), "has no labels"),
    ],
)
def test_lists_that_make_no_sense(text: str, names: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_classes(text, names, "things")


def test_find_class_takes_one_name() -> None:
    assert find_class("maple TREE", NAMES, "things") == 3
    with pytest.raises(UnknownName):
        find_class("0-2", NAMES, "things")


def test_subset_relabels_in_the_given_order() -> None:
    images = torch.arange(6, dtype=torch.uint8).view(6, 1, 1, 1)
    data = ImageSet(images=images, labels=torch.tensor([0, 1, 2, 2, 1, 0]), class_names=("a", "b", "c"))
    part = subset(data, [2, 0])
    assert part.class_names == ("c", "a")
    assert part.images.flatten().tolist() == [0, 2, 3, 5]
    assert part.labels is not None
    assert part.labels.tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize(
    ("data", "classifier", "indices", "missing"),
    [
        (("a", "b"), ("b", "a"), [1, 0], ()),
        (("a", "b", "c"), ("c",), [-1, -1, 0], ("a", "b")),
        (("CAT", "dog"), ("cat", "Dog"), [0, 1], ()),
        (("Cat", "cat"), ("cat",), [-1, 0], ("Cat",)),  # the equal name has it
        (("Cat", "CAT"), ("cat",), [-1, -1], ("Cat", "CAT")),  # neither is nearer
        (("CAT",), ("Cat", "cat"), [-1], ("CAT",)),
        (("T-shirt_top",), ("T-shirt/top",), [0], ()),  # a folder of samples
        (("T-shirt/top",), ("t-shirt_top",), [0], ()),  # a classifier of that folder
        (("cafe\u0301",), ("caf\u00e9",), [0], ()),  # a folder of macOS
        (("*",), ("/",), [-1], ("*",)),
        (("5", "7"), ("7",), [-1, 0], ("5",)),
        ((), ("a",), [], ()),
    ],
)
def test_classes_are_matched_by_name(
    data: tuple[str, ...], classifier: tuple[str, ...], indices: list[int], missing: tuple[str, ...]
) -> None:
    labels, lacking = match_classes(torch.arange(len(data)), data, classifier)
    assert labels.dtype == torch.int64
    assert labels.tolist() == indices
    assert lacking == missing
