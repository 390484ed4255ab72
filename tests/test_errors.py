"""What other people's code raises is told as an error of ours, and what is ours or lack of memory stays what it is."""

import pytest

from degan_cli.errors import BadFile, UsageError, turned_into


def bad_file(error: Exception) -> BadFile:
    return BadFile(f"it says {error}")


def test_what_a_library_raises_is_turned_and_kept_as_the_cause():
    with pytest.raises(BadFile, match="it says no") as caught, turned_into(bad_file):
        raise LookupError("no")
    assert isinstance(caught.value.__cause__, LookupError)


@pytest.mark.parametrize(
    "error", [UsageError("ours"), MemoryError(), RuntimeError("CUDA out of memory"), KeyboardInterrupt()]
)
def test_ours_lack_of_memory_and_a_stop_pass(error):
    with pytest.raises(type(error)) as caught, turned_into(bad_file):
        raise error
    assert caught.value is error


def test_only_the_kinds_that_are_named_are_turned():
    with pytest.raises(LookupError), turned_into(bad_file, (ValueError, TypeError)):
        raise LookupError
