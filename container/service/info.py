"""The description of an image, which viewers request first.

https://iiif.io/api/image/3.0/#5-image-information
"""

from typing import Any

from container.service.geometry import Sizes, preset_sizes
from runtime.imaging.pyramid import CONTEXT
from runtime.imaging.tiles import TILE, scale_factors
from runtime.imaging.transform import Encoding

PROFILE = "http://iiif.io/api/image/3/level2.json"
EXTRA_FEATURES = (
    "canonicalLinkHeader",
    "mirroring",
    "profileLinkHeader",
    "rotationArbitrary",
    "sizeUpscaling",
)


def describe(
    address: str, width: int, height: int, sizes: Sizes, encodings: tuple[Encoding, ...]
) -> dict[str, Any]:
    """Return `info.json` of an image of `width` x `height` pixels. address: the image's URL, its `id`."""
    factors = scale_factors(width, height)
    smaller = [(-(-width // factor), -(-height // factor)) for factor in reversed(factors)]
    if sizes.presets:
        smaller = preset_sizes(width, height, sizes)
    return {
        "@context": CONTEXT,
        "id": address,
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        # Without JPEG or PNG, or with only some sizes, it does less than level 2 asks for.
        "profile": "level0"
        if sizes.presets or not {Encoding.JPG, Encoding.PNG} <= {*encodings}
        else "level2",
        "width": width,
        "height": height,
        "maxWidth": sizes.max_width,
        "maxArea": sizes.max_area,
        "sizes": [
            {"width": w, "height": h}
            for w, h in smaller
            if max(w, h) <= sizes.max_width and w * h <= sizes.max_area
        ],
        "tiles": [{"width": TILE, "height": TILE, "scaleFactors": factors}],
        "preferredFormats": [one.value for one in (Encoding.WEBP, Encoding.JPG) if one in encodings],
        "extraFormats": [one.value for one in encodings if one is Encoding.WEBP],
        "extraQualities": ["color", "gray", "bitonal"],
        "extraFeatures": [*EXTRA_FEATURES],
    }
