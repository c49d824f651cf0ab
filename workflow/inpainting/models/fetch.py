"""`inpaint fetch`: a base of the Hugging Face Hub into the local cache."""

from inpainting.models import bases, hub
from inpainting.models.settings import FetchCommand


def fetch(settings: FetchCommand) -> None:
    """Download what is missing and print the base's folder; a base that is a folder is not downloaded."""
    folder = bases.find_folder(settings.base)
    if folder is None:
        bases.check_name(settings.base)
        folder = str(hub.fetch_snapshot(settings.base, settings.revision))
    print(folder)
