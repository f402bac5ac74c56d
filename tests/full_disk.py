"""A disk without room, as the system makes one: writing more than so much to a file fails with an error of its own."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


def files_up_to(size: int) -> None:
    """From here on no file of this process grows beyond so many bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@contextmanager
def room_again() -> Iterator[None]:
    """What was allowed before is allowed again when the block ends."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
