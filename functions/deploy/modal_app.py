"""The server on Modal: `modal deploy functions/deploy/modal_app.py` from the root of the repository."""

import subprocess

import modal

app = modal.App("denoise")
image = modal.Image.from_dockerfile("functions/deploy/Dockerfile.gpu", context_dir=".", add_python="3.12").entrypoint([])
models = modal.Volume.from_name("denoise-models", create_if_missing=True)


@app.function(image=image, gpu="L4", volumes={"/models": models}, secrets=[modal.Secret.from_name("denoise")])
@modal.concurrent(max_inputs=32)
@modal.web_server(8000, startup_timeout=600)
def serve() -> None:
    subprocess.Popen(["sh", "functions/deploy/start.sh", "serve"], cwd="/app")
