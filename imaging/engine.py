"""libvips, set up once: only the loaders that are needed, no cache, and its errors as rejections."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyvips

from imaging.formats import Format
from imaging.rejection import Reason, Rejected

_LOADERS = ("Jpeg", "Png", "Webp", "Nsgif", "Tiff", "Heif")

# Everything is refused, then the six formats are let in: a loader nobody thought of cannot be reached
# (https://www.libvips.org/API/current/func.operation_block_set.html).
pyvips.operation_block_set("VipsForeignLoad", True)
for _loader in _LOADERS:
    pyvips.operation_block_set(f"VipsForeignLoad{_loader}", False)

# Every job is another image: a cache of operations would only hold memory.
pyvips.cache_set_max(0)

# How the codecs behind libvips say that the data ends early.
_ENDS_EARLY = ("premature end", "unexpected end", "truncated", "end of file", "end of stream", "bad seek", "not enough")


@contextmanager
def decoding(image_format: Format) -> Iterator[None]:
    """Turns what libvips says of an input into Rejected TRUNCATED or DAMAGED."""
    try:
        yield
    except pyvips.Error as error:
        said = str(error).lower()
        name = image_format.upper()
        if any(phrase in said for phrase in _ENDS_EARLY):
            raise Rejected(
                Reason.TRUNCATED, f"The {name} ends before its picture does. Upload it again from the original."
            ) from error
        raise Rejected(
            Reason.DAMAGED, f"The {name} is damaged and cannot be decoded. Upload it again from the original."
        ) from error
