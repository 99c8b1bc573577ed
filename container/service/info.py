"""The description of an image, which viewers request first.

https://iiif.io/api/image/3.0/#5-image-information
"""

from typing import Any

from container.service.geometry import Sizes, preset_sizes
from runtime.imaging.pyramid import CONTEXT
from runtime.imaging.tiles import TILE, scale_factors
from runtime.imaging.transform import Encoding

PROFILE = "http://iiif.io/api/image/3/level2.json"
EXTRA_FEATURES = ("canonicalLinkHeader", "mirroring", "profileLinkHeader")
OF_ANY_SIZE = ("rotationArbitrary", "sizeUpscaling")
"""Features that are lacking where only some sizes may be requested."""
OF_LEVEL_2 = ("rotationBy90s",)
"""A feature of level 2 that is named where the level is lower."""


def describe(
    address: str, width: int, height: int, sizes: Sizes, encodings: tuple[Encoding, ...]
) -> dict[str, Any]:
    """Return `info.json` of an image of `width` x `height` pixels. address: the image's URL, its `id`."""
    factors = scale_factors(width, height)
    smaller = [(-(-width // factor), -(-height // factor)) for factor in reversed(factors)]
    if sizes.presets:
        smaller = preset_sizes(width, height, sizes)
    # Unless both JPEG and PNG are offered, or with only some sizes, it does less than level 2 asks for.
    is_level_2 = not sizes.presets and {Encoding.JPG, Encoding.PNG} <= {*encodings}
    implied = (Encoding.JPG, Encoding.PNG) if is_level_2 else (Encoding.JPG,)
    extra = (*EXTRA_FEATURES, *(() if sizes.presets else OF_ANY_SIZE), *(() if is_level_2 else OF_LEVEL_2))
    return {
        "@context": CONTEXT,
        "id": address,
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": "level2" if is_level_2 else "level0",
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
        "extraFormats": [one.value for one in encodings if one not in implied],
        "extraQualities": ["color", "gray", "bitonal"],
        "extraFeatures": sorted(extra),
    }
