"""CogVideoX-2b's published shapes, for a hub name whose configuration has not been downloaded.

From transformer/config.json, vae/config.json and text_encoder/config.json of huggingface.co/THUDM/CogVideoX-2b.
"""

from typing import Any

TRANSFORMER: dict[str, Any] = {
    "num_attention_heads": 30,
    "attention_head_dim": 64,
    "in_channels": 16,
    "out_channels": 16,
    "time_embed_dim": 512,
    "text_embed_dim": 4096,
    "max_text_seq_length": 226,
    "num_layers": 30,
    "patch_size": 2,
}
VAE: dict[str, Any] = {"block_out_channels": (128, 256, 256, 512), "layers_per_block": 3, "latent_channels": 16}

TEXT_ENCODER_WEIGHTS = 4_762_310_656
"""Weights of the encoder of T5 v1.1 XXL: 24 layers, 4096 wide, feed-forward 10240, gated, vocabulary of 32128."""
