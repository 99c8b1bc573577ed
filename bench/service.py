"""The image service against ipx, thumbor, iiif-processor and iipsrv: CPU of the server per request."""

import http.client
import itertools
import os
import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from rich.progress import track

from bench.iipsrv import compare
from bench.measure import ROOT, ratio, save, sized
from bench.photos import PHOTOS, jpeg
from bench.server import OURS, Server, launched
from tests.support.images import decode

PEERS = Path(__file__).parent / "peers"
THUMBOR = ROOT / ".thumbor" / "bin" / "thumbor"
ROUNDS, SIZES, SESSION_ROUNDS, TILES, TILES_OF_PEER, ALONE = sized(
    (7, 16, 5, 200, 10, 4), (1, 2, 1, 20, 2, 1)
)
SMALL, LARGE = sized(((3000, 2000), (12_000, 8_334)), ((3000, 2000), (4096, 3072)))
IPX, THUMBOR_NAME, IIIF = "ipx", "thumbor", "iiif-processor"


def iiif(photo: str, width: int, kind: str) -> str:
    return f"/iiif/3/{photo}/full/{width},/0/default.{kind}"


def ipx(photo: str, width: int, kind: str) -> str:
    return f"/w_{width},f_{kind.replace('jpg', 'jpeg')},q_80/{photo}"


def thumbor(photo: str, width: int, kind: str) -> str:
    return f"/unsafe/{width}x0/filters:format({kind.replace('jpg', 'jpeg')}):quality(80)/{photo}"


COMMANDS: dict[str, tuple[list[str | Path], Callable[[str, int, str], str]]] = {
    OURS: ([sys.executable, "-m", "container.service"], iiif),
    IPX: (["node", PEERS / "ipx.mjs", PHOTOS, "PORT"], ipx),
    THUMBOR_NAME: (
        [THUMBOR, "-p", "PORT", "-i", "127.0.0.1", "-c", PEERS / "thumbor.conf", "-l", "error"],
        thumbor,
    ),
    IIIF: (["node", PEERS / "iiif.mjs", PHOTOS, "PORT"], iiif),
}


def copies(photo: Path, label: str, count: int) -> list[str]:
    """Hard-link a photo under `count` names, as different sources; return the names."""
    names = [f"{label}-{number}.jpg" for number in range(count)]
    for name in names:
        (PHOTOS / name).unlink(missing_ok=True)
        os.link(photo, PHOTOS / name)
    return names


def tiles(count: int) -> list[str]:
    """Return tiles as region and size.

    Half of them are the first, from the coarsest level on; half are the last of the finest level.
    """
    found = []
    for factor in (16, 8, 4, 2, 1):
        side = 512 * factor
        for top in range(0, LARGE[1], side):
            for left in range(0, LARGE[0], side):
                w, h = min(side, LARGE[0] - left), min(side, LARGE[1] - top)
                found.append(f"{left},{top},{w},{h}/{-(-w // factor)},{-(-h // factor)}")
    return found[: count // 2] + found[-count // 2 :]


def work(tree: Path, stack: ExitStack) -> dict[str, Callable[[], float]]:
    """Return, by name, functions that measure a checkout's cold transforms and a viewer's session."""
    command, address = COMMANDS[OURS]
    server = stack.enter_context(launched(command, address, tree=tree))
    small, large, wanted = jpeg(*SMALL), jpeg(*LARGE), tiles(TILES)
    asked = itertools.count()

    def cold(kind: str) -> Callable[[], float]:
        widths = (range(400 + number, 1200, 800 // SIZES) for number in itertools.count())
        return lambda: server.ask([address(small.name, width, kind) for width in next(widths)])[0]

    def session() -> float:
        (name,) = copies(large, f"{tree.name}-{next(asked)}", 1)
        stack.callback((PHOTOS / name).unlink, missing_ok=True)
        return server.ask([f"/iiif/3/{name}/{tile}/0/default.jpg" for tile in wanted])[0]

    return {"webp": cold("webp"), "jpg": cold("jpg"), "a tile of a session": session}


def main() -> None:
    """Run all rounds and store the result."""
    small, large = jpeg(*SMALL), jpeg(*LARGE)
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(launched(command, address))
            for name, (command, address) in COMMANDS.items()
        }
        for name, one in servers.items():  # before measuring: each must return what was asked for
            check(name, one, small.name)
        cold = {kind: cold_transforms(servers, small.name, kind) for kind in ("webp", "jpg")}
        compare(servers[OURS], large, tiles(TILES))
        sessions, alone = viewers(servers[OURS], servers[IIIF], large)
    figures: dict[str, dict[str, float]] = {}
    rows = []
    for name in COMMANDS:
        row, figures[name] = [name], {}
        for kind, found in cold.items():
            cpu = [one[0] for one in found[name]]
            figures[name][kind] = round(ratio([one[0] for one in found[OURS]], cpu), 3)
            rate = 1 / statistics.median(one[1] for one in found[name])
            row += [f"{statistics.median(cpu) * 1000:.1f} ms", f"{figures[name][kind]:.2f}x", f"{rate:.0f}"]
        rows.append(row)
    head = ["", "WebP, CPU", "ours / this", "per second", "JPEG, CPU", "ours / this", "per second"]
    save("service", {"rounds": ROUNDS, "figures": figures, "table": [head, *rows]})
    faster = ratio([one[1] for one in sessions[IIIF]], [one[1] for one in sessions[OURS]])
    single = ratio([one[0] for one in alone[OURS]], [one[0] for one in alone[IIIF]])
    table = [["", "session, requests per second", "one tile per source, CPU"]]
    for name in (OURS, IIIF):
        rate = 1 / statistics.median(one[1] for one in sessions[name])
        table.append(
            [name, f"{rate:.1f}", f"{statistics.median(one[0] for one in alone[name]) * 1000:.0f} ms"]
        )
    table.append(["ours / theirs", f"{faster:.0f}x", f"{single:.2f}x"])
    kept = {"session": round(faster, 1), "alone": round(single, 3)}
    save("viewer", {"rounds": SESSION_ROUNDS, "figures": kept, "table": table})


def check(name: str, one: Server, photo: str) -> None:
    for kind in ("webp", "jpg"):
        with closing(http.client.HTTPConnection("127.0.0.1", one.port, timeout=60)) as connection:
            connection.request("GET", one.address(photo, 800, kind))
            made = decode(connection.getresponse().read())
        loader = "webp" if kind == "webp" else "jpeg"
        if (made.width, made.height, made.get("vips-loader").startswith(loader)) != (800, 533, True):
            raise RuntimeError(f"{name} made {made.width} x {made.height} by {made.get('vips-loader')}.")
        print(f"{name}: {kind} of {made.width} x {made.height}")


def cold_transforms(
    servers: dict[str, Server], photo: str, kind: str
) -> dict[str, list[tuple[float, float]]]:
    """Measure one 6 MP photo at the same widths on every server, and at other widths in every round.

    Only one width of the first round, 800 px, has been requested before, by `check`.
    """
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
    for number in track(range(ROUNDS), description=f"{kind}, rounds"):
        widths = range(400 + number, 1200, 800 // SIZES)
        for name, one in servers.items():
            found[name].append(one.ask([one.address(photo, width, kind) for width in widths]))
    return found


def viewers(
    ours: Server, theirs: Server, large: Path
) -> tuple[dict[str, list[tuple[float, float]]], dict[str, list[tuple[float, float]]]]:
    """Measure a viewer's session with a 100 MP source, new in each round, and single tiles of other sources.

    The peer has no cache, so each tile costs it the same; only one tile in twenty is requested from it.
    """
    sessions: dict[str, list[tuple[float, float]]] = {OURS: [], IIIF: []}
    alone: dict[str, list[tuple[float, float]]] = {OURS: [], IIIF: []}
    wanted = tiles(TILES)
    names = copies(large, "session", SESSION_ROUNDS)
    lonely = copies(large, "alone", SESSION_ROUNDS * ALONE)
    for number in track(range(SESSION_ROUNDS), description="viewers, rounds"):
        paths = [f"/iiif/3/{names[number]}/{tile}/0/default.jpg" for tile in wanted]
        info = f"/iiif/3/{names[number]}/info.json"
        sessions[OURS].append(ours.ask([info, *paths]))
        sessions[IIIF].append(theirs.ask([info, *paths[:: TILES // TILES_OF_PEER]]))
        mine = lonely[number * ALONE : (number + 1) * ALONE]
        once = [f"/iiif/3/{name}/{wanted[7 * at]}/0/default.jpg" for at, name in enumerate(mine)]
        alone[OURS].append(ours.ask(once))
        alone[IIIF].append(theirs.ask(once))
    for name in (*names, *lonely):
        (PHOTOS / name).unlink()
    return sessions, alone


if __name__ == "__main__":
    main()
