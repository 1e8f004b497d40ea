"""Photographs under open licences, as a folder to train and test super-resolution on.

    apt-get install mate-backgrounds lomiri-wallpapers-16.04 lomiri-wallpapers-20.04 \\
        ukui-wallpapers plasma-workspace-wallpapers palapeli-data tuxpaint-stamps-default
    python recipes/open_photos.py                    writes photos/train and photos/test
    python recipes/srresnet.py --data photos --downscale-factors 0.6

Reads the files of Debian's packages and writes them as PNG: wallpapers at half their size or less,
because their finest details are blurred or noise, and cut-out stamps on white. Six photographs are
set aside as the test split. `photos/LICENCES.tsv` lists file, licence, package and author, as the
packages' copyright files state them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tfgan_suite.errors import InputError
from tfgan_suite.utils.command_line import Parser, exit_code

LONGEST = 1280  # side of a reduced wallpaper
TEST = set(
    "LadyBird Kleiber_by_Lukas_Baubkus picosdeeuropa_by_Aitzol_Berasategi EveningGlow"
    " greentock_by_Peter_Nerlich european-honey-bee".split()
)
# Package, folder, what follows the name, licence: lines of author and names.
PACKAGES = (
    ("mate-backgrounds", "usr/share/backgrounds/mate/nature", ".jpg", "GPL-2+", """
Charles Barbin: Garden Aqua LadyBird YellowFlower
Charles Barbin, Hylke Bons: TwoWings
Marco Cogoni, Hylke Bons: Dune
Jean-François Fortin Tam: Wood
Sergey Nazarov: Storm
Timothy Schellhase, Lapo Calamandrei: GreenMeadow
blackcombwhistler07: RainDrops
Lennart Poettering, Andrea Cimitan: Blinds
Jens Ansorg: FreshFlower"""),
    ("mate-backgrounds", "usr/share/backgrounds/mate/abstract", ".jpg", "GPL-2+", """
Wyng Stancikaite: Elephants"""),
    ("ukui-wallpapers", "usr/share/backgrounds", ".png", "CC BY-SA 3.0", """
Ubuntu Kylin community: calla"""),
    ("lomiri-wallpapers-16.04", "usr/share/backgrounds", ".jpg", "CC BY 4.0", """
Trevor Freespace: Picture_1A_by_freespace Picture_0B_by_freespace
Jakub Mede: Wine_by_Jakkub_Mede
Aitzol Berasategi: aitzgorri_by_Aitzol_Berasategi friends_by_Aitzol_Berasategi
Aitzol Berasategi: sunset_by_Aitzol_Berasategi picosdeeuropa_by_Aitzol_Berasategi
Aitzol Berasategi: life_by_Aitzol_Berasategi"""),
    ("lomiri-wallpapers-16.04", "usr/share/backgrounds", ".jpg", "CC BY-SA 4.0", """
Peter Nerlich: greentock_by_Peter_Nerlich free_by_Peter_Nerlich
Bolly: Dragonfly_by_Bolly
Sander Klootwijk: Bridge_by_Sander_Klootwijk"""),
    ("lomiri-wallpapers-16.04", "usr/share/backgrounds", ".jpg", "CC0", """
Clemens Engelhardt: seeding_by_Clements_Engelhardt"""),
    ("lomiri-wallpapers-20.04", "usr/share/backgrounds", ".jpg", "CC BY-SA 3.0", """
Lukas Baubkus: Kleiber_by_Lukas_Baubkus
HEROBRINE7GAMER: Painting-Colors_by__herobrine7gamer"""),
    ("plasma-workspace-wallpapers", "usr/share/wallpapers", "/contents/images/2560x1600.jpg",
     "LGPL-3", """
RJ Quiralta: Autumn
Maciej Wiklo: BytheWater
Risto Saukonpää: ColdRipple Kite OneStandsOut Path
Dmitri Popov: ColorfulCups
Ian Hex: EveningGlow
Martin Klapetek: FallenLeaf
Sigi Sagi: Grey"""),
    ("plasma-workspace-wallpapers", "usr/share/wallpapers", "/contents/images/3840x2160.png",
     "LGPL-3", """
Ken Vermette: Canopee Cascade"""),
    ("plasma-workspace-wallpapers", "usr/share/wallpapers", "/contents/images/1080x1920.png",
     "CC BY-SA 4.0", """
Alesya Khoteeva: Altai"""),
    ("plasma-workspace-wallpapers", "usr/share/wallpapers", "/contents/images/5120x2880.jpg",
     "CC BY-SA 4.0", """
Louis Durrant: SafeLanding
Lucas Andrade: Shell
Nikita Babin: Volna
Sandra Smukaste: Flow"""),
    ("palapeli-data", "usr/share/palapeli/collection", ".jpg", "GPL-2+", """
the authors of Palapeli: castle-maintenon cincinnati-bridge citrus-fruits european-honey-bee
the authors of Palapeli: panther-chameleon-female"""),
    ("tuxpaint-stamps-default", "usr/share/tuxpaint/stamps", ".png", "GPL-2", """
Bill Kendrick: animals/birds/crowned_crane animals/birds/helmeted_guineafowl animals/fish/lobster
Bill Kendrick: animals/insects/mantis animals/mammals/bovines/gnu-baby
Bill Kendrick: animals/mammals/bovines/indian_blackbuck clothes/hats/feathered_hat
Bill Kendrick: clothes/hats/propeller_hat food/fruit/Apricot_whole food/fruit/Cherry_Stella
Bill Kendrick: food/fruit/cherimoya food/fruit/orange_seville food/pizza food/spices/ginger
Bill Kendrick: household/Lightbulb household/tools/cementmixer plants/flowers/anemone_red
Bill Kendrick: plants/flowers/daffodil plants/trees/holm_oak plants/trees/tree336
Bill Kendrick: seasonal/halloween/jackolantern_mean symbols/clockface
Bill Kendrick: town/monuments/inukshuk-photo vehicles/emergency/firetruck
Bill Kendrick: vehicles/flight/balloon360 vehicles/race/indycar vehicles/wheel_tractor"""),
)  # fmt: skip


def rows(root: Path) -> list[dict[str, str]]:
    """The photographs: name, file, licence, package and author of each."""
    return [
        {
            "name": name,
            "file": str(root / folder / f"{name}{ending}"),
            "licence": licence,
            "package": package,
            "author": author,
        }
        for package, folder, ending, licence, lines in PACKAGES
        for author, _, names in (line.partition(": ") for line in lines.strip().splitlines())
        for name in names.split()
    ]


def convert(row: dict[str, str], folder: Path) -> str:
    """Writes one photograph; returns its path below the folder."""
    from PIL import Image

    image = Image.open(row["file"])
    if row["package"] == "tuxpaint-stamps-default":
        stamp = image.convert("RGBA")
        stamp = stamp.crop(stamp.getchannel("A").getbbox())
        image = Image.new("RGB", stamp.size, "white")
        image.paste(stamp, mask=stamp)
    elif row["package"] != "palapeli-data":  # those are photographs of the size of a screen
        image = image.convert("RGB")
        scale = min(0.5, LONGEST / max(image.size))
        sides = [round(side * scale) for side in image.size]
        image = image.resize((sides[0], sides[1]), Image.Resampling.LANCZOS)
    split = "test" if row["name"] in TEST else "train"
    path = folder / split / f"{row['name'].replace('/', '_')}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    image.convert("RGB").save(path)
    return str(path.relative_to(folder))


def run(args: argparse.Namespace) -> int:
    """Writes the folder.

    Raises:
        InputError: packages that are not installed.
    """
    photos, folder = rows(Path(args.root)), Path(args.out)
    missing = sorted({row["package"] for row in photos if not Path(row["file"]).is_file()})
    if missing:
        raise InputError(
            f"files of {len(missing)} packages are not below {args.root}: install them with"
            f" apt-get install {' '.join(missing)}"
        )
    lines = ["file\tlicence\tpackage\tauthor"]
    for row in photos:
        path = convert(row, folder)
        lines.append("\t".join((path, row["licence"], row["package"], row["author"])))
    (folder / "LICENCES.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    print(f"wrote {len(photos)} photographs to {folder}")
    return 0


def parser() -> Parser:
    """The flags."""
    parser = Parser(prog="open_photos.py", description=__doc__, plain=True)
    parser.add_argument("--out", default="photos", help="folder to write [photos]")
    parser.add_argument("--root", default="/", help="where the packages are unpacked [/]")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the recipe; its exit code: 0, or 2 with a one-line reason for bad input."""
    return exit_code("open_photos.py", lambda: run(parser().parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
