"""Writes tests/golden/models, tests/golden/pipelines and tests/golden/quicktour (see tests/golden/README.md).

    $(sh scripts/reference/setup.sh) scripts/reference/goldens.py [models] [pipelines] [quicktour]
"""

import sys
import warnings

from model_goldens import write_model_goldens
from pipeline_goldens import write_pipeline_goldens
from quicktour_goldens import write_quicktour_golden

WRITERS = {"models": write_model_goldens, "pipelines": write_pipeline_goldens, "quicktour": write_quicktour_golden}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for name in sys.argv[1:] or WRITERS:
        WRITERS[name]()
