"""What tests of feature networks share: a file of weights."""

import numpy as np
import pytest

from tfgan_suite.features import extractors


@pytest.fixture(scope="session")
def squeezenet(tmp_path_factory):
    """Random weights of a SqueezeNet, as a file with Caffe's names."""
    path = tmp_path_factory.mktemp("nets") / "squeezenet.npz"
    extractors.feature_network("squeezenet", ["predictions"], None).save(path)
    with np.load(path) as file:
        renamed = {key.replace("_conv", "|conv"): file[key] for key in file.files}
    np.savez(path, **renamed)
    return path
