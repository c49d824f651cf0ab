"""Make models/nano again: first the VAE, then the transformer on its latents. README.md says how."""

import argparse
import logging
import sys
from pathlib import Path

import yaml
from inpainting.core.errors import InputError, UsageError
from inpainting.core.settings import error_sentences
from pydantic import ValidationError
from settings import Config


def main(arguments: list[str] | None = None) -> int:
    """Train one of the two models; the exit code is 0 for done, 1 for failed, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="pretrain.py", description=__doc__)
    parser.add_argument("model", choices=["vae", "transformer"])
    parser.add_argument("--config", type=Path, required=True, help="settings of both trainings, such as settings.yaml")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of both models; an interrupted training continues there"
    )
    parser.add_argument(
        "--device", choices=["auto", "cpu", "cuda"], default="auto", help="auto: the GPU if there is one"
    )
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        config = Config.model_validate(yaml.safe_load(options.config.read_text(encoding="utf-8")))
        train(options.model, config, options.out, options.device)
    except ValidationError as error:
        for sentence in error_sentences(error, Config, option=False):
            print(f"{options.config}: {sentence}", file=sys.stderr)
        return 2
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    except (InputError, OSError, yaml.YAMLError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def train(model: str, config: Config, out: Path, device: str) -> None:
    """Train the VAE or the transformer.

    torch is imported here because each process that draws clips imports this file.
    """
    import torch
    from inpainting.models.loading import resolve_device

    torch.backends.cudnn.deterministic = True
    if model == "vae":
        from vae import train_vae

        train_vae(config.vae, out, resolve_device(device))
    else:
        from transformer import train_transformer

        train_transformer(config.transformer, out, resolve_device(device))


if __name__ == "__main__":
    sys.exit(main())
