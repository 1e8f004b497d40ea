"""Two stacks from one file: markers choose by Python version, so one command is right everywhere.

Python 3.9 to 3.11: TensorFlow 2.15, the last on which tensorflow-addons and tensorflow-io work.
Python 3.12 and newer: TensorFlow 2.20 or newer with Keras 3; the addons do not exist there.
"""

import json
import pathlib
import re
import shutil

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).parent
VERSION = re.search(
    r'__version__ = "([^"]+)"', (HERE / "tfgan_suite" / "__init__.py").read_text("utf-8")
).group(1)

ADDONS_STACK = "python_version < '3.12'"
KERAS3_STACK = "python_version >= '3.12'"

MEASURES = ["scipy>=1.9"]
LATENT = ["scipy>=1.11", "scikit-learn>=1.1"]
VIDEO = ["av>=10"]
# From 4.12 on it needs NumPy 2; 5 has no face cascades.
FACES = [
    f"opencv-python-headless>=4.8,<4.12; {ADDONS_STACK}",
    f"opencv-python-headless>=4.12,<5; {KERAS3_STACK}",
]
PLOTS = ["matplotlib>=3.5"]


class BuildWithModels(build_py):
    """Puts the models that `saved_models/zoo.json` lists into the package, for wheels."""

    def run(self):
        """Builds the package, then copies the models; an editable install finds them itself."""
        super().run()
        if getattr(self, "editable_mode", False):  # setuptools 64 and newer
            return
        home, target = (
            HERE / "saved_models",
            pathlib.Path(self.build_lib, "tfgan_suite/saved_models"),
        )
        shutil.rmtree(target, ignore_errors=True)
        for name in json.loads((home / "zoo.json").read_text("utf-8")):
            shutil.copytree(home / name, target / name)
        shutil.copy(home / "zoo.json", target)


setup(
    name="tfgan_suite",
    version=VERSION,
    description="Adversarial games as Keras models, from fit to SavedModel and TFLite",
    long_description=(HERE / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.9",
    cmdclass={"build_py": BuildWithModels},
    packages=find_packages(include=["tfgan_suite", "tfgan_suite.*"]),
    package_data={
        "tfgan_suite": ["py.typed"],
        "tfgan_suite.demo": ["page/*"],
        "tfgan_suite.study": ["page.*"],
        "tfgan_suite.training": ["run_page.css"],
    },
    install_requires=[
        f"tensorflow==2.15.1; {ADDONS_STACK}",
        f"keras==2.15.0; {ADDONS_STACK}",
        f"tensorflow-addons==0.23.0; {ADDONS_STACK}",
        f"tensorflow-io==0.36.0; {ADDONS_STACK}",
        f"tensorflow-datasets==4.9.4; {ADDONS_STACK}",
        f"tensorflow-metadata<1.16; {ADDONS_STACK}",
        f"tensorflow>=2.20; {KERAS3_STACK}",
        f"keras>=3.12; {KERAS3_STACK}",
        f"tensorboard>=2.20; {KERAS3_STACK}",
        # tensorflow-datasets imports it there without asking for it.
        f"importlib_resources; {KERAS3_STACK}",
        f"tensorflow-datasets>=4.9.9; {KERAS3_STACK}",
        "numpy",
        "pillow>=9.1",
    ],
    extras_require={
        # Runs the tests, and the TFLite files in a process without TensorFlow.
        "test": [
            "pytest>=7",
            "pytest-xdist>=3",
            "ai-edge-litert; python_version >= '3.10'",
            "mypy>=1.10",
            "ruff==0.17.*",
            "selenium>=4",
            # Runs docs/first_gan.ipynb.
            "nbclient>=0.8",
            "ipykernel>=6",
            *MEASURES,
            *PLOTS,
            *LATENT,
            *VIDEO,
            *FACES,
        ],
        # Statistics of human studies, matchings, exact transport.
        "measures": MEASURES,
        # Blending, searches and linear probes in latent spaces; MP4 files of `walk`.
        "latent": LATENT,
        "video": VIDEO,
        # Finding faces in videos.
        "faces": FACES,
        # Figures of recipes/curves.py and recipes/metropolis.py.
        "plots": PLOTS,
        # The standalone TFLite runtime, for parity reports.
        "litert": ["ai-edge-litert; python_version >= '3.10'"],
        # Warm-up files of TensorFlow Serving, and the Python gRPC client.
        "serving": [
            f"tensorflow-serving-api==2.15.1; {ADDONS_STACK}",
            f"tensorflow-serving-api>=2.20; {KERAS3_STACK}",
        ],
        # The site of docs/, which is built without TensorFlow.
        "docs": ["mkdocs>=1.6,<2", "mkdocstrings[python]>=1,<2"],
        # The other side of benchmarks/speed.py.
        "bench": ["torch>=2.2"],
        # NVIDIA GPUs: the CUDA libraries that TensorFlow was built with.
        "cuda": [
            f"tensorflow[and-cuda]==2.15.1; {ADDONS_STACK}",
            f"tensorflow[and-cuda]>=2.20; {KERAS3_STACK}",
        ],
    },
    classifiers=[
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
