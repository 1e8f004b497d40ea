"""Two logical CPU devices for the whole session, one strategy over them, and what keeps tests fast.

The devices have to be set before TensorFlow starts. Tests share the strategy: TensorFlow keeps
the shapes of a process's collective operations by a number that each strategy counts from the
start, so a second MirroredStrategy fails with "Shape mismatch in the collective instance".
"""

import gc
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import forks  # noqa: E402
import pytest  # noqa: E402
from tflite_runner import Runner  # noqa: E402

pytest.register_assert_rewrite("harness", "answering")

_HERE = Path(__file__).parent


# One process tests a whole file, so the slowest files start first and no process idles at the end.
SLOWEST = """
benchmarks/test_benchmarks training/test_run_folder games/test_cyclegan games/test_pix2pix
games/test_sngan games/test_simgan games/test_discogan games/test_srgan games/test_cgan
recipes/test_recipes style/test_adain training/test_strategies export/test_tflite
games/test_gran games/test_wgan games/test_infogan games/test_ali cli/test_stylize
faults/test_tampered cli/test_upscale training/test_fit features/test_architectures
networks/test_translators games/test_lsgan cli/test_translate training/test_runs_go_on
training/test_optimizers games/test_gan measures/test_measure cli/test_sample games/test_wgan_gp
mcmc/test_metropolis pipeline/test_streams core/test_any_game faults/test_paths style/test_gatys
data/test_simulated synthetic/test_shapes recipes/test_gaze recipes/test_curves games/test_dcgan
export/test_saved_model pipeline/test_order recipes/test_classifier features/test_extractors
readers/test_tfds games/test_ebgan layers/test_spectral data/test_content_style
data/test_super_resolution cli/test_export faults/test_windows latent/test_projection
latent/test_inpainting latent/test_space latent/test_arithmetic
""".split()


def pytest_configure(config):
    # The order is that of `pytest_collection_modifyitems`, not by the number of a file's tests.
    config.option.loadscopereorder = False
    if hasattr(config, "workerinput") or not getattr(config.option, "numprocesses", None):
        _start_tensorflow()


def _start_tensorflow():
    """In the processes that run tests, not in the one that hands them out."""
    import tensorflow as tf

    from tfgan_suite.training import foreign_recipes, launch  # noqa: F401

    # The recipes of tests are announced as little as those of the suite.
    foreign_recipes.FOLDERS += [_HERE / "helpers", _HERE / "core"]
    forks.start()
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )


def pytest_collection_modifyitems(items):
    ranks = {name: rank for rank, name in enumerate(SLOWEST)}
    names = {item.path: "/".join(item.path.with_suffix("").parts[-2:]) for item in items}
    items.sort(key=lambda item: ranks.get(names[item.path], len(ranks)))


@pytest.fixture(scope="session")
def two_replicas():
    """A MirroredStrategy: two replicas on two logical CPU devices."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def _eagerly():
    """Functions run as Python meanwhile: few steps take less time than their trace.

    For what surrounds training, such as files, messages and exports; exports are traced as ever.
    """
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


eagerly = pytest.fixture(_eagerly)
eager_module = pytest.fixture(_eagerly, scope="module")


@pytest.fixture(scope="session", autouse=True)
def few_batches_for_batch_norm(request):
    """Whatever opens a run recalibrates batch norm over 5 batches, not 100: a second each time.

    Not where `large` tests judge what trained games draw.
    """
    from tfgan_suite.core import latent_game

    with pytest.MonkeyPatch.context() as patch:
        if "not large" in request.config.option.markexpr:
            patch.setattr(latent_game, "RECALIBRATION_BATCHES", 5)
        yield


@pytest.fixture(scope="session")
def tflite_runner():
    """A process without TensorFlow that runs TFLite files."""
    runner = Runner()
    yield runner
    runner.close()


@pytest.fixture(scope="module", autouse=True)
def share_tflite_runner(tflite_runner):
    """All TFLite files run in one process, but for those of tests/export/conftest.py."""
    from tfgan_suite.export import parity

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
    What was exempt before stays so: to look at all of it again takes half a second, and what of it
    has become garbage since is little.
    """
    gc.collect()
    gc.freeze()
