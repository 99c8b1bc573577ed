"""`python3 dev.py pyramid FILE OUT`: turns an image into tiles and a page that zooms into it, without AWS."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from runtime.imaging.header import Header
from runtime.imaging.limits import Limits
from runtime.imaging.probe import probe_file
from runtime.imaging.pyramid import describe, write_pyramid
from runtime.imaging.transform import Encoding, upright
from runtime.rejection import Rejected
from tools.commands.gallery import write_viewer

MOST_PIXELS = 100_000_000_000
"""Practically no limit, since this runs on your own machine; libvips takes no side over 100,000,000 px."""
TREE = "tiles"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python3 dev.py pyramid", description=__doc__)
    parser.add_argument("file", type=Path, help="JPEG, PNG, WebP, GIF, TIFF or AVIF")
    parser.add_argument("out", type=Path, help="a folder that is new or empty")
    parser.add_argument("--webp", action="store_true", help="WebP tiles, which keep alpha, instead of JPEG")
    parser.add_argument("--address", default="", help="the URL under which the tiles will be served")
    parser.add_argument("--from", dest="start", type=Path, default=Path(), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    file, out = options.start / options.file, options.start / options.out
    try:
        header = probe_file(file)
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise FileExistsError(f"{out} is a file or is not empty: name a new folder.")
        _write(file, header, out, Encoding.WEBP if options.webp else Encoding.JPG, options.address)
    except FileExistsError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Error: {error.filename or file.name}: {error.strerror or error}", file=sys.stderr)
        return 1
    except Rejected as error:
        print(f"Error: {file.name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"Stopped; what is in {out} is incomplete.", file=sys.stderr)
        return 130
    return 0


def _write(file: Path, header: Header, out: Path, encoding: Encoding, address: str) -> None:
    tree = out / TREE

    def store(path: str, data: bytes) -> None:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(data)

    width, height = upright(header)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(f"{width:,} x {height:,} px", total=1)
        made = write_pyramid(
            file,
            header,
            Limits(max_pixels=MOST_PIXELS),
            address=address or f"https://example.com/{TREE}",
            store=store,
            encoding=encoding,
            progress=lambda share: progress.update(task, completed=share),
        )
    info = describe(TREE, made.width, made.height, encoding)
    page = write_viewer(TREE, out / "index.html", info=info)
    print(f"{made.tiles:,} tiles, {made.size / 1e6:,.1f} MB, in {tree}; open {page} from disk.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
