"""What Python's diffusers and huggingface_hub make of a cache: reads a JSON list of commands, each a list
of a name and arguments, and writes the JSON list of their results."""

import json
import os
import sys
import time

import torch

torch.set_num_threads(1)


def load(id, cache, local, variant=None):
    """Loads a pipeline; gives its class and how many numbers each model holds."""
    from diffusers import DiffusionPipeline

    pipe = DiffusionPipeline.from_pretrained(
        id, cache_dir=cache, local_files_only=local, variant=variant, use_safetensors=True, safety_checker=None
    )
    models = {k: sum(p.numel() for p in v.parameters()) for k, v in pipe.components.items() if hasattr(v, "parameters")}
    return {"class": type(pipe).__name__, "models": models}


def scan(cache):
    """What huggingface_hub finds in a cache."""
    from huggingface_hub import scan_cache_dir

    info = scan_cache_dir(cache)
    return {
        "warnings": [str(warning) for warning in info.warnings],
        "repos": sorted(
            (
                {
                    "id": repo.repo_id,
                    "bytes": repo.size_on_disk,
                    "commits": sorted(
                        [
                            {
                                "commit": revision.commit_hash,
                                "refs": sorted(revision.refs),
                                "files": sorted(
                                    str(file.file_path.relative_to(revision.snapshot_path)) for file in revision.files
                                ),
                                "bytes": revision.size_on_disk,
                            }
                            for revision in repo.revisions
                        ],
                        key=lambda revision: revision["commit"],
                    ),
                }
                for repo in info.repos
            ),
            key=lambda repo: repo["id"],
        ),
    }


def absent(id, file, cache, commit):
    """Whether the cache says that a commit has no such file."""
    from huggingface_hub import _CACHED_NO_EXIST, try_to_load_from_cache

    return try_to_load_from_cache(id, file, cache_dir=cache, revision=commit) is _CACHED_NO_EXIST


def tree(id, cache):
    """The files that a cache lists for a repo, as huggingface_hub reads them."""
    from huggingface_hub import get_cached_repo_tree

    return sorted(file.path for file in get_cached_repo_tree(id, cache_dir=cache))


def ask(id, file, cache):
    """Asks for a file that a repo does not have."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    try:
        hf_hub_download(id, file, cache_dir=cache)
    except EntryNotFoundError:
        return "not found"


def hold(path, signal, watched):
    """Holds a lock until a file is there; whether another one is there by then."""
    from huggingface_hub.utils import WeakFileLock

    with WeakFileLock(path):
        while not os.path.exists(signal):
            time.sleep(0.05)
        return os.path.exists(watched)


COMMANDS = {f.__name__: f for f in (load, scan, absent, tree, ask, hold)}
print(json.dumps([COMMANDS[name](*rest) for name, *rest in json.load(sys.stdin)]))
