"""Two logical CPU devices for the whole session, one strategy over them, and what keeps tests fast.

The devices have to be set before TensorFlow starts. Tests share the strategy: TensorFlow keeps
the shapes of a process's collective operations by a number that each strategy counts from the
start, so a second MirroredStrategy fails with "Shape mismatch in the collective instance".
"""

import gc
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest  # noqa: E402
import tensorflow as tf  # noqa: E402
from tflite_runner import Runner  # noqa: E402

from tfgan_suite.export import parity  # noqa: E402
from tfgan_suite.training import foreign_recipes  # noqa: E402

pytest.register_assert_rewrite("harness", "answering")

# The recipes of tests are announced as little as those of the suite.
_HERE = Path(__file__).parent
foreign_recipes.FOLDERS += [_HERE / "helpers", _HERE / "core"]

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


# One process tests a whole file, so the slowest files start first and no process idles at the end.
SLOWEST = """
benchmarks/test_benchmarks training/test_run_folder games/test_cyclegan games/test_discogan
training/test_strategies pipeline/test_streams games/test_sngan games/test_pix2pix
games/test_srgan cli/test_sample games/test_simgan games/test_cgan measures/test_measure
games/test_gran pipeline/test_order export/test_tflite games/test_wgan games/test_infogan
games/test_ali cli/test_upscale recipes/test_recipes style/test_adain networks/test_translators
data/test_simulated games/test_lsgan readers/test_tfds export/test_saved_model
features/test_architectures tests/test_compat games/test_gan cli/test_stylize games/test_wgan_gp
data/test_super_resolution data/test_content_style style/test_gatys recipes/test_gaze
games/test_dcgan cli/test_translate core/test_any_game features/test_extractors
mcmc/test_metropolis cli/test_export synthetic/test_shapes export/test_c layers/test_spectral
games/test_ebgan utils/test_runtime recipes/test_curves
""".split()


def pytest_configure(config):
    # The order is that of `pytest_collection_modifyitems`, not by the number of a file's tests.
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items):
    ranks = {name: rank for rank, name in enumerate(SLOWEST)}
    names = {item.path: "/".join(item.path.with_suffix("").parts[-2:]) for item in items}
    items.sort(key=lambda item: ranks.get(names[item.path], len(ranks)))


@pytest.fixture(scope="session")
def two_replicas() -> tf.distribute.MirroredStrategy:
    """Two replicas on two logical CPU devices."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture(scope="session")
def tflite_runner():
    """A process without TensorFlow that runs TFLite files."""
    runner = Runner()
    yield runner
    runner.close()


@pytest.fixture(scope="module", autouse=True)
def share_tflite_runner(tflite_runner):
    """All TFLite files run in one process; those of tests/export each in a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parity, "subprocess", tflite_runner)
        yield


def pytest_collection_finish():
    _collect_and_freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    if nextitem is None or nextitem.path != item.path:
        _collect_and_freeze()


def _collect_and_freeze():
    """Exempts what is alive now from garbage collection, so that later collections are fast.

    TFLite's converter collects at each call: a second for the objects of TensorFlow and Keras.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
