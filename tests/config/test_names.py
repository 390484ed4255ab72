"""Class names in one text, with commas and quotes of their own."""

import pytest

from degan_cli.config.names import join_names, split_names
from degan_cli.errors import UsageError


def test_quotes_hold_a_name_with_commas_together() -> None:
    assert split_names('cat, "salt, pepper",dog ', "--classes") == ["cat", "salt, pepper", "dog"]
    assert split_names('5,"say ""hi""",5,,', "--classes") == ["5", 'say "hi"', "5"]
    assert split_names("", "--classes") == []


def test_an_open_quote_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r'--classes: "cat,"salt" cannot be read .*; write names as cat,"salt, pepper"'
    ):
        split_names('cat,"salt', "--classes")


def test_joined_names_are_read_as_they_were() -> None:
    names = ["a", "b, c", 'd "e"', "f'g"]
    assert split_names(join_names(names), "x") == names
