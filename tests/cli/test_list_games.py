"""The command `list`."""

import json

from tfgan_suite.cli.list_games import games
from tfgan_suite.cli.main import main


def test_list_reads_the_folder(capsys):
    assert main(["list", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert {"dcgan", "wgan_gp", "srgan", "adain", "gatys"} <= set(rows)
    assert "encoders" not in rows
    assert "1511.06434" in rows["dcgan"]["paper"] and rows["dcgan"]["data"] == "images"
    assert main(["list"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0].startswith("NAME") and len(table) == 1 + len(games())
