"""Tiny causal language models with random weights and a tokenizer of words, saved to a folder: no download."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers import logging as transformers_logging

CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + CHAT


def tokenizer(template: str | None = CHAT) -> PreTrainedTokenizerFast:
    marks = ["<pad>", "<|im_start|>", "<|im_end|>"]
    letters = [chr(code) for code in range(32, 127)] + ["\n"]
    vocabulary = {token: number for number, token in enumerate(marks + letters)}
    raw = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))
    raw.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    raw.decoder = decoders.Fuse()
    made = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="<pad>",
        eos_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>"],
        model_max_length=4096,
    )
    made.chat_template = template
    return made


def save(folder: Path, kind: str = "llama", template: str | None = CHAT, context: int = 4096) -> str:
    """Write a model of ``kind`` with its tokenizer; its replies are random letters."""
    transformers_logging.disable_progress_bar()
    words = tokenizer(template)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        if kind == "llama":
            model = LlamaForCausalLM(
                LlamaConfig(
                    vocab_size=len(words),
                    hidden_size=32,
                    intermediate_size=64,
                    num_hidden_layers=2,
                    num_attention_heads=4,
                    num_key_value_heads=2,
                    max_position_embeddings=context,
                    initializer_range=0.3,
                    eos_token_id=words.eos_token_id,
                    bos_token_id=None,
                )
            )
        else:
            model = GPT2LMHeadModel(
                GPT2Config(
                    vocab_size=len(words),
                    n_embd=32,
                    n_layer=2,
                    n_head=4,
                    n_positions=context,
                    initializer_range=0.3,
                    eos_token_id=words.eos_token_id,
                    bos_token_id=None,
                )
            )
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return str(folder)
