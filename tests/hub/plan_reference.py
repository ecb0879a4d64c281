"""Which files diffusers would download: reads a JSON list of cases, writes a JSON list of answers.

A case is {"index": model_index.json, "names": [...], "variant": str | null, "skip": [...]}; an answer
is {"files": [...]} or {"error": "..."}. It runs DiffusionPipeline.download itself, with the three
functions that would ask the Hub replaced.
"""

import json
import logging
import os
import sys
import tempfile
from types import SimpleNamespace

os.environ["HF_HUB_OFFLINE"] = "0"
import diffusers
from diffusers.pipelines import pipeline_utils
from huggingface_hub.utils import filter_repo_objects

logging.disable(logging.CRITICAL)


def plan(case):
    taken = {}

    def snapshot_download(_id, *, allow_patterns, ignore_patterns, **_):
        taken["files"] = sorted(
            filter_repo_objects(case["names"], allow_patterns=allow_patterns, ignore_patterns=ignore_patterns)
        )
        return folder

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model_index.json")
        with open(path, "w") as file:
            json.dump(case["index"], file)
        siblings = [SimpleNamespace(rfilename=name) for name in case["names"]]
        pipeline_utils._resolve_revision = lambda *_, **__: None
        pipeline_utils.model_info = lambda *_, **__: SimpleNamespace(siblings=siblings)
        pipeline_utils.hf_hub_download = lambda *_, **__: path
        pipeline_utils.snapshot_download = snapshot_download
        passed = {role: None for role in case["skip"]}
        try:
            getattr(diffusers, case["index"]["_class_name"]).download(
                "a/b", variant=case["variant"], use_safetensors=True, force_download=True, **passed
            )
        except (OSError, ValueError) as error:
            return {"error": str(error)}
        return taken


json.dump([plan(case) for case in json.load(sys.stdin)], sys.stdout)
