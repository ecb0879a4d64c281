"""The part of transformers' `PixtralProcessor` that reads texts: the class itself asks for torchvision, which prepares its images."""

from transformers.processing_utils import ProcessorMixin


class PixtralProcessor(ProcessorMixin):
    def __init__(self, tokenizer=None, chat_template=None, **_):
        super().__init__(tokenizer, chat_template=chat_template)
