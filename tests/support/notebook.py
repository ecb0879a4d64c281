"""Runs a notebook in Deno's kernel, as Jupyter does: `notebook.py DENO FILE.ipynb`, in the folder it is to run in.

Prints the notebook with its outputs. The kernel listens on loopback alone.
"""

import json
import os
import sys
import tempfile

import nbformat
from nbclient import NotebookClient
from nbclient.client import CellExecutionComplete
from nbclient.util import ensure_async

deno, path = sys.argv[1:]


class Client(NotebookClient):
    """Deno's kernel may say that a cell has ended before it has sent the last that it shows: nbclient leaves that out."""

    ran = {}

    async def _async_poll_output_msg(self, parent_msg_id, cell, cell_index):
        self.ran[parent_msg_id] = cell, cell_index
        while True:
            message = await ensure_async(self.kc.iopub_channel.get_msg(timeout=None))
            its = self.ran.get(message["parent_header"].get("msg_id"))
            if its is None:
                continue
            try:
                self.process_message(message, *its)
            except CellExecutionComplete:
                if its[1] == cell_index:
                    return


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
    # what the last cell shows has come when a message after it has
    notebook.cells.append(nbformat.v4.new_code_cell('await Deno.jupyter.display({ "text/plain": "end" }, { raw: true })'))
    # after four seconds it would leave out what cells of a busy machine have still to show
    patience = {"timeout": None, "iopub_timeout": 600, "raise_on_iopub_timeout": True}
    Client(notebook, kernel_name="deno", resources={"metadata": {"path": "."}}, **patience).execute()
    print(nbformat.writes(notebook))
