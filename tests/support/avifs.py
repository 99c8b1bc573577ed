"""AVIFs with boxes that differ from those that the encoder wrote."""

import struct


def patched_nclx(data: bytes, primaries: int, transfer: int, *, full: bool = True) -> bytes:
    at = data.index(b"colrnclx") + 8
    matrix = data[at + 4 : at + 6]
    return (
        data[:at] + struct.pack(">HH", primaries, transfer) + matrix + bytes([0x80 * full]) + data[at + 7 :]
    )


def with_another_extent(data: bytes, width: int, height: int) -> bytes:
    """Add an `ispe` property that is not the primary item's; a gain map or a hidden picture adds one, too."""
    box = struct.pack(">I4sIII", 20, b"ispe", 0, width, height)
    at = data.index(b"ipco") - 4
    end = at + int.from_bytes(data[at : at + 4], "big")
    made = bytearray(data[:end] + box + data[end:])
    for name in (b"meta", b"iprp", b"ipco"):
        start = data.index(name) - 4
        made[start : start + 4] = (int.from_bytes(data[start : start + 4], "big") + len(box)).to_bytes(
            4, "big"
        )
    pixels, located = data.index(b"mdat") + 4, data.index(b"iloc")
    where = data.index(pixels.to_bytes(4, "big"), located)
    made[where : where + 4] = (pixels + len(box)).to_bytes(4, "big")
    return bytes(made)
