"""Prompts through a text encoder, which is tiny here and a T5 as CogVideoX's is."""

import shutil
from pathlib import Path

import pytest
import torch
from inpainting.models.loading import encode_prompt
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast, T5Config, T5EncoderModel

CPU = torch.device("cpu")


@pytest.fixture
def base_with_text(tiny_base: Path, tmp_path: Path) -> Path:
    """The tiny base with a T5 that knows three words."""
    base = Path(shutil.copytree(tiny_base, tmp_path / "base"))
    words = Tokenizer(WordLevel({"<pad>": 0, "<unk>": 1, "an": 2, "empty": 3, "street": 4}, unk_token="<unk>"))
    words.pre_tokenizer = Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", unk_token="<unk>")
    tokenizer.save_pretrained(base / "tokenizer")
    torch.manual_seed(0)
    T5EncoderModel(T5Config(vocab_size=5, d_model=8, d_kv=4, d_ff=16, num_layers=1, num_heads=2)).save_pretrained(
        base / "text_encoder"
    )
    return base


def test_a_prompt_is_padded_to_exactly_the_transformers_text_length(base_with_text: Path) -> None:
    for prompt in ("", "street", "an empty street", "an empty street an empty street"):
        embedding = encode_prompt(str(base_with_text), prompt, CPU)
        assert embedding.shape == (1, 4, 8)
        assert embedding.dtype == torch.float32


def test_an_embedding_is_the_encoders_last_state(base_with_text: Path) -> None:
    encoder = T5EncoderModel.from_pretrained(base_with_text / "text_encoder", torch_dtype=torch.bfloat16)
    with torch.no_grad():
        expected = encoder(torch.tensor([[2, 4, 0, 0]])).last_hidden_state.float()
    assert torch.equal(encode_prompt(str(base_with_text), "an street", CPU), expected)
    assert not torch.equal(encode_prompt(str(base_with_text), "an empty", CPU), expected)
