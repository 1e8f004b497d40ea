"""What the tests of faults share: a trained run, its export and an extractor."""

import keras
import pytest
import tiny_recipe
from fault_runs import run_recipe, run_words


@pytest.fixture(scope="module")
def trained(tmp_path_factory, eager_module):
    """A run of two steps and its export; `arguments` train it and go on with it."""
    home = tmp_path_factory.mktemp("sound")
    arguments = ["--data", tiny_recipe.images(), "--log-every", "1", "--checkpoint-every", "2"]
    code, _ = run_recipe(tiny_recipe, *run_words(home, 2), *arguments)
    assert code == 0
    (home / "run" / "measures.jsonl").write_text('{"step": 2, "fid": 1.0}\n')
    (home / "extractor").mkdir()
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(4, name="four")]
    keras.Sequential(layers).save(home / "extractor" / "net.keras")
    (home / "extractor" / "net.json").write_text('{"layers": {"features": "four"}, "tested": 9}')
    return home, arguments
