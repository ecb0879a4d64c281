"""Pipelines of blocks as task_goldens.py calls pipelines: made of a repo's folder, called with a guidance scale, with a callback at the end."""

import json
from types import SimpleNamespace

import diffusers
import transformers
from diffusers.pipelines import ImagePipelineOutput

from common import FIXTURES

# blocks that change prompts by models that are not in the repos of tests/fixtures
LEFT_OUT = ("prompt_upsampler",)


class Processor:
    """The part of a Qwen3VLProcessor that reads texts; the class itself needs torchvision."""

    @classmethod
    def from_pretrained(cls, folder):
        self = cls()
        self.tokenizer = transformers.Qwen2Tokenizer.from_pretrained(folder)
        older = folder / "chat_template.json"
        if older.exists():
            self.tokenizer.chat_template = json.loads(older.read_text())["chat_template"]
        return self

    def apply_chat_template(self, messages, **options):
        return self.tokenizer.apply_chat_template(messages, **options)


def load_modular(task: dict):
    folder = FIXTURES / task["repo"]
    index = json.loads((folder / "modular_model_index.json").read_text())
    blocks = getattr(diffusers, index["_blocks_class_name"])()
    for name in LEFT_OUT:
        blocks.sub_blocks.pop(name, None)
    pipe = blocks.init_pipeline()
    parts = {}
    for role, entry in index.items():
        if isinstance(entry, list):
            library, class_name, where = entry
            found = Processor if class_name == "Qwen3VLProcessor" else getattr(diffusers if library == "diffusers" else transformers, class_name)
            part = found.from_pretrained(folder / (where["subfolder"] or role))
            parts[role] = part.eval() if hasattr(part, "eval") else part
    pipe.update_components(**parts)
    return Called(pipe)


class Called:
    _callback_tensor_inputs = ["latents"]

    def __init__(self, pipe):
        self.pipe, self.vae = pipe, pipe.vae
        self.guider = getattr(pipe, "guider", None)

    @property
    def scheduler(self):
        return self.pipe.scheduler

    @scheduler.setter
    def scheduler(self, scheduler):
        self.pipe.update_components(scheduler=scheduler)

    def __getattr__(self, name):
        return getattr(self.pipe, name)

    def set_progress_bar_config(self, **config):
        self.pipe.set_progress_bar_config(**config)

    def __call__(self, callback_on_step_end=None, guidance_scale=None, **call):
        if self.guider is not None:
            guider = self.guider if guidance_scale is None else self.guider.new(guidance_scale=guidance_scale)
            self.pipe.update_components(guider=guider)
        if isinstance(self.pipe, diffusers.AnimaModularPipeline) and "latents" in call:  # of one frame
            call["latents"] = call["latents"].unsqueeze(2)
        state = self.pipe(**call)
        if callback_on_step_end is not None:
            callback_on_step_end(self, 0, 0, {"latents": state.get("latents")})
        return ImagePipelineOutput(images=state.get("images"))


def index_entry(part, repo: str, role: str) -> list:
    """A component as `ModularPipeline.save_pretrained` writes it into modular_model_index.json."""
    library, name = ("transformers", "Qwen3VLProcessor") if isinstance(part, Processor) else (type(part).__module__.split(".")[0], type(part).__name__)
    where = {"pretrained_model_name_or_path": repo, "revision": None, "subfolder": role, "type_hint": [library, name], "variant": None}
    return [library, name, where]


def write_index(folder, class_name: str, blocks: str, repo: str, parts: SimpleNamespace) -> None:
    index = {"_blocks_class_name": blocks, "_class_name": class_name, "_diffusers_version": diffusers.__version__,
             **{role: index_entry(part, repo, role) for role, part in vars(parts).items()}}
    (folder / "modular_model_index.json").write_text(json.dumps(index, indent=2) + "\n")
