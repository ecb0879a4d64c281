"""Writes tests/golden/models and tests/golden/pipelines (see tests/golden/README.md).

    $(sh scripts/reference/setup.sh) scripts/reference/goldens.py [models] [pipelines]
"""

import sys
import warnings

from model_goldens import write_model_goldens
from pipeline_goldens import write_pipeline_goldens

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    wanted = sys.argv[1:] or ["models", "pipelines"]
    if "models" in wanted:
        write_model_goldens()
    if "pipelines" in wanted:
        write_pipeline_goldens()
