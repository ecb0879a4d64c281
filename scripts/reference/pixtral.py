"""The part of transformers' `PixtralProcessor` that reads texts, in its place: the class itself asks for torchvision, which prepares
its images."""

import transformers
from transformers.processing_utils import ProcessorMixin


class PixtralProcessor(ProcessorMixin):
    def __init__(self, tokenizer=None, chat_template=None, **_):
        super().__init__(tokenizer, chat_template=chat_template)


PixtralProcessor.__module__ = "transformers.models.pixtral.processing_pixtral"
transformers.PixtralProcessor = PixtralProcessor
