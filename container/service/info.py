"""The description of an image, which viewers request first.

https://iiif.io/api/image/3.0/#5-image-information
"""

from typing import Any

from container.service.geometry import Sizes, preset_sizes
from runtime.imaging.pyramid import CONTEXT
from runtime.imaging.tiles import TILE, scale_factors
from runtime.imaging.transform import Encoding

EXTRA_FEATURES = ("canonicalLinkHeader", "mirroring", "profileLinkHeader")
OF_ANY_SIZE = ("rotationArbitrary", "sizeUpscaling")
"""Features that are lacking where only some sizes may be requested."""
OF_LEVEL_2 = ("baseUriRedirect", "cors", "jsonldMediaType", "rotationBy90s")
"""Features of level 2 that level 0 has to name."""
OF_LEVEL_2_AND_ANY_SIZE = (
    *("regionByPct", "regionByPx", "regionSquare"),
    *("sizeByConfinedWh", "sizeByH", "sizeByPct", "sizeByW", "sizeByWh"),
)
"""Further features of level 2 that level 0 has to name, lacking where only some sizes may be requested."""


def level(sizes: Sizes, encodings: tuple[Encoding, ...]) -> str:
    """Return the compliance level: level 2 requires JPEG, PNG and any size."""
    return "level0" if sizes.presets or not {Encoding.JPG, Encoding.PNG} <= {*encodings} else "level2"


def profile_link(sizes: Sizes, encodings: tuple[Encoding, ...]) -> str:
    """Return the Link header that names the compliance level."""
    return f'<http://iiif.io/api/image/3/{level(sizes, encodings)}.json>;rel="profile"'


def describe(
    address: str, width: int, height: int, sizes: Sizes, encodings: tuple[Encoding, ...]
) -> dict[str, Any]:
    """Return `info.json` of an image of `width` x `height` pixels. address: the image's URL, its `id`."""
    factors = scale_factors(width, height)
    smaller = [(-(-width // factor), -(-height // factor)) for factor in reversed(factors)]
    if sizes.presets:
        smaller = preset_sizes(width, height, sizes)
    profile, features = level(sizes, encodings), {*EXTRA_FEATURES}
    features |= {*OF_LEVEL_2} if profile == "level0" else set()
    if not sizes.presets:
        features |= {*OF_ANY_SIZE, *(OF_LEVEL_2_AND_ANY_SIZE if profile == "level0" else ())}
    implied = (Encoding.JPG, Encoding.PNG) if profile == "level2" else (Encoding.JPG,)
    return {
        "@context": CONTEXT,
        "id": address,
        "type": "ImageService3",
        "protocol": "http://iiif.io/api/image",
        "profile": profile,
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
        "extraFeatures": sorted(features),
    }
