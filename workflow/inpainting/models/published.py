"""Published configurations, for hub names that have not been downloaded and for benchmarks.

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
    "num_layers": 30,
    "sample_width": 90,
    "sample_height": 60,
    "sample_frames": 49,
    "patch_size": 2,
    "temporal_compression_ratio": 4,
    "max_text_seq_length": 226,
    "spatial_interpolation_scale": 1.875,
    "temporal_interpolation_scale": 1.0,
    "use_rotary_positional_embeddings": False,
}
"""CogVideoX-2b's transformer/config.json; absent keys have the class's defaults."""

FIVE_BILLION = {"num_attention_heads": 48, "num_layers": 42, "use_rotary_positional_embeddings": True}

TRANSFORMERS: dict[str, dict[str, Any]] = {
    "CogVideoX-2b": {},
    "CogVideoX-5b": FIVE_BILLION,
    "CogVideoX1.5-5B": FIVE_BILLION
    | {"patch_size_t": 2, "sample_width": 170, "sample_height": 96, "sample_frames": 81},
    "CogVideoX-Fun-V1.1-2b-InP": {"in_channels": 33},
    "CogVideoX-Fun-V1.1-5b-InP": FIVE_BILLION | {"in_channels": 33},
}
"""What differs in other bases' transformer/config.json, by the last part of their hub names."""

VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 256, 512),
    "latent_channels": 16,
    "layers_per_block": 3,
    "norm_num_groups": 32,
    "sample_height": 480,
    "sample_width": 720,
    "temporal_compression_ratio": 4,
    "scaling_factor": 1.15258426,
}
"""vae/config.json."""

TEXT_ENCODER_WEIGHTS = 4_762_310_656
"""Weights of the encoder of T5 v1.1 XXL: 24 layers, 4096 wide, feed-forward 10240, gated, vocabulary of 32128."""
