"""The command `list`."""

import json
from pathlib import Path

from tfgan_suite.cli.list_games import games
from tfgan_suite.cli.main import main

ROOT = Path(__file__).parents[2]


def test_list_reads_the_folder(capsys):
    assert main(["list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert {"dcgan", "wgan_gp", "srgan", "adain", "gatys"} <= set(rows)
    assert "encoders" not in rows
    assert "1511.06434" in rows["dcgan"]["paper"] and rows["dcgan"]["data"] == "images"
    assert rows["srgan"]["recipes"] == ["recipes/srgan.py", "recipes/srresnet.py"]
    assert all((ROOT / recipe).is_file() for row in rows.values() for recipe in row["recipes"])
    assert all(row["recipes"] for row in rows.values())
    assert main(["list"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].startswith("NAME") and table.index("") == 2 + 2 * len(games())
    assert max(map(len, table)) <= 100
