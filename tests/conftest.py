"""Two logical CPU devices for the whole session, one strategy over them, and what keeps tests fast.

The devices have to be set before TensorFlow starts. Tests share the strategy: TensorFlow keeps
the shapes of a process's collective operations by a number that each strategy counts from the
start, so a second MirroredStrategy fails with "Shape mismatch in the collective instance".
"""

import functools
import gc
import os
import sys
import types
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import forks  # noqa: E402
import pytest  # noqa: E402
from tflite_runner import Runner  # noqa: E402

pytest.register_assert_rewrite("harness", "answering")

_HERE = Path(__file__).parent


# One process tests a whole file, so the slowest files start first and no process idles at the end.
SLOWEST = """
recipes/test_stackgan_recipe benchmarks/test_measuring games/test_cyclegan games/test_progan
recipes/test_text_recipes games/test_srgan games/test_pix2pix games/test_simgan
games/test_simgan_pretraining games/test_progan_growth recipes/test_talking_recipes
training/test_run_folder games/test_discogan games/test_stylegan games/test_sngan
recipes/test_gawwn_recipe games/test_gran games/test_wgan games/test_cgan games/test_stylegan2
recipes/test_recipes games/test_gawwn games/test_stackgan games/test_gan_cls games/test_ali
games/test_gan games/test_infogan games/test_r3gan measures/test_measure games/test_wgan_gp
style/test_adain games/test_lsgan core/test_keras_habits training/test_strategies recipes/test_gaze
networks/test_translators games/test_wav2lip training/test_fit networks/test_gawwn
features/test_architectures cli/test_stylize cli/test_upscale export/test_tflite games/test_dcgan
networks/test_talking export/test_saved_model data/test_captions cli/test_sample
training/test_callbacks training/test_optimizers cli/test_translate games/test_ebgan
training/test_runs_go_on examples/test_lipsync_on_a_phone networks/test_additivity
features/test_extractors games/test_syncnet core/test_any_game mcmc/test_metropolis
recipes/test_classifier data/test_simulated core/test_keras_data docs/test_first_gan
style/test_gatys recipes/test_gatys_recipe core/test_keras_page docs/test_first_page
recipes/test_curves docs/test_adding_a_game readers/test_tfds pipeline/test_streams
data/test_every_form training/test_checkpoints pipeline/test_order synthetic/test_shapes
cli/test_export tests/test_compat_batch_norm tests/test_compat_optimizers games/test_text_encoder
faults/test_windows measures/test_ruler core/test_pairing faults/test_tampered
networks/test_stackgan faults/test_paths measures/test_sliced_wasserstein training/test_executions
faults/test_not_files training/test_deep_data latent/test_space architecture/test_portable
architecture/test_reading cli/test_doctor data/test_content_style networks/test_upsampling
layers/test_cpu_matmul_convolution faults/test_requests features/test_scale
data/test_super_resolution export/test_c latent/test_projection games/test_progan_losses
games/test_simgan_batches games/test_srgan_networks games/test_srgan_losses
games/test_progan_networks games/test_simgan_networks games/test_simgan_losses
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
    _join_replicas_at_once()
    _share_kernels_of_variables()
    _share_stack_traces()
    _keep_kernels_when_seeds_are_set()
    forks.start()
    # Graphs are made of many small objects, few of which are garbage before a file's tests end.
    gc.set_threshold(200_000, 20, 100)
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )


def _join_replicas_at_once():
    """A strategy asks once a second whether the threads of its replicas have ended.

    They have nearly always, a moment after it asked first: at each trace, and at each eager step.
    """
    import tensorflow as tf

    wait = tf.train.Coordinator.wait_for_stop

    def wait_briefly(self, timeout=None):
        return wait(self, timeout and min(timeout, 0.01))

    tf.train.Coordinator.wait_for_stop = wait_briefly


def _share_kernels_of_variables():
    """Eager variables get no name for messages of the runtime.

    TensorFlow prepares a kernel for each operation with new attributes, and the name is one: that
    takes most of the time that it takes to create a variable. Without it, variables of a shape and
    a type share a kernel. In a graph, where a name is stored, nothing changes.
    """
    import tensorflow as tf
    from tensorflow.python.ops import gen_resource_variable_ops

    create = gen_resource_variable_ops.var_handle_op

    def create_without_name(*args, debug_name="", **options):
        name = "" if tf.executing_eagerly() else debug_name
        return create(*args, debug_name=name, **options)

    gen_resource_variable_ops.var_handle_op = create_without_name


def _share_stack_traces():
    """Operations of graphs have the stack trace of this call.

    To walk through pytest's and Keras's frames for each of them takes an eighth of a trace; it is
    for messages about an operation that fails in a graph.
    """
    from tensorflow.python.util import tf_stack

    trace = tf_stack.extract_stack()
    tf_stack.extract_stack = lambda *args, **options: trace


def _keep_kernels_when_seeds_are_set():
    """`set_random_seed` drops the kernels of all eager operations, an eighth of a game's tests.

    It does so for kernels of random operations, which keep a state. Games and Keras draw with
    stateless ones: unless a seed has been asked for the others, there is no state to drop. A graph
    that asked keeps its state for good, so that all is dropped from then on.
    """
    from tensorflow.python.eager import context
    from tensorflow.python.framework import random_seed

    stateful = {"eager": False, "graph": False}
    get_seed, set_seed = random_seed.get_seed, context.Context._set_global_seed

    def get_seed_for_state(op_seed):
        stateful["eager" if context.executing_eagerly() else "graph"] = True
        return get_seed(op_seed)

    def set_seed_of_state(self, seed):
        handle = self._context_handle
        if any(stateful.values()):
            stateful["eager"] = False
        else:
            self._context_handle = None  # asks for no kernels to be dropped
        try:
            set_seed(self, seed)
        finally:
            self._context_handle = handle

    random_seed.get_seed = get_seed_for_state
    context.Context._set_global_seed = set_seed_of_state


def pytest_collection_modifyitems(items):
    ranks = {name: rank for rank, name in enumerate(SLOWEST)}
    names = {item.path: "/".join(item.path.with_suffix("").parts[-2:]) for item in items}
    # What trains games and is not listed is new, and takes as long as others.
    trains = ("games/", "recipes/", "docs/", "demo/", "examples/")
    new = {name for name in names.values() if name.startswith(trains)} - ranks.keys()
    ranks.update(dict.fromkeys(new, -1))
    items.sort(key=lambda item: ranks.get(names[item.path], len(ranks)))


@pytest.fixture(scope="session")
def two_replicas():
    """A MirroredStrategy: two replicas on two logical CPU devices."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture
def precision():
    """Sets a precision for one test."""
    from tfgan_suite import compat

    yield compat.set_precision
    compat.set_precision("float32")


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
    from tfgan_suite.core import latent_samples

    with pytest.MonkeyPatch.context() as patch:
        if "not large" in request.config.option.markexpr:
            patch.setattr(latent_samples, "RECALIBRATION_BATCHES", 5)
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


@pytest.fixture(scope="session", autouse=True)
def quick_tflite_converter():
    """TensorFlow's converter neither collects garbage nor loads a SavedModel again for each kind.

    It loads it for the lines of source code that its messages could name.
    """
    import tensorflow as tf

    lite = sys.modules[tf.lite.TFLiteConverter.__module__]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lite, "gc", types.SimpleNamespace(collect=lambda: None), raising=False)
        patch.setattr(lite, "_load", _loading_once(lite._load))
        yield


def _loading_once(load):
    """A function that loads a SavedModel, but returns that of the last call if it is the same."""

    @functools.lru_cache(maxsize=1)
    def load_changed(folder, changed, tags):
        return load(folder, set(tags))

    def loaded(folder, tags):
        changed = (Path(folder) / "saved_model.pb").stat().st_mtime_ns
        return load_changed(str(folder), changed, tuple(tags))

    return loaded


def pytest_collection_finish():
    _collect_and_freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    if nextitem is None or nextitem.path != item.path:
        _collect_and_freeze()


def _collect_and_freeze():
    """Exempts what is alive now from garbage collection, so that later collections are fast.

    What was exempt before stays so: to look at all of it again takes half a second, and what of it
    has become garbage since is little.
    """
    gc.collect()
    gc.freeze()
