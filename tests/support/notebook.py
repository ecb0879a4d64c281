"""Runs a notebook in Deno's kernel, as Jupyter does: `notebook.py DENO FILE.ipynb`, in the folder it is to run in.

Prints the notebook with its outputs. The kernel listens on loopback alone.
"""

import json
import os
import sys
import tempfile

import nbformat
from nbclient import NotebookClient

deno, path = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    spec = os.path.join(folder, "kernels", "deno")
    os.makedirs(spec)
    with open(os.path.join(spec, "kernel.json"), "w") as file:
        argv = [deno, "jupyter", "--kernel", "--conn", "{connection_file}"]
        json.dump({"argv": argv, "display_name": "Deno", "language": "typescript"}, file)
    os.environ["JUPYTER_PATH"] = folder
    os.environ["JUPYTER_RUNTIME_DIR"] = folder
    os.environ["JUPYTER_PLATFORM_DIRS"] = "1"
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, kernel_name="deno", timeout=None, resources={"metadata": {"path": "."}}).execute()
    print(nbformat.writes(notebook))
