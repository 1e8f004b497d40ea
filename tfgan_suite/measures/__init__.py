"""How good are the samples? One file a measure; every result is a value with its protocol.

results = measure("runs/dcgan_shapes", "shapes", extractor="classifiers/shapes.keras")

from tfgan_suite.measures import fid, kid
distance = fid.fid(fid.Moments.of(real_features), fid.Moments.of(generated_features))
discrepancy = kid.kid(real_features, generated_features)
"""

from tfgan_suite.measures.measure import MEASURES, measure
from tfgan_suite.measures.result import MeasureResult, MeasureWarning

__all__ = ["MEASURES", "MeasureWarning", "MeasureResult", "measure"]
