"""``hybrid convert-encoder FROM TO``."""

from pathlib import Path

import click

from ..encoders.places import need_library
from ..errors import UsageError


@click.command("convert-encoder")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO", type=click.Path(path_type=Path))
@click.option(
    "--like",
    metavar="MODEL",
    help="A preset, folder or id with the tokenizer and sizes that FROM lacks; by default what FROM was made from.",
)
def command(source: str, target: Path, like: str | None) -> None:
    r"""Turn a checkpoint of the DPR authors' code into a folder, or an encoder into such a checkpoint.

    \b
    hybrid convert-encoder dpr_biencoder.29.cp ./dpr
    hybrid ingest ./wiki notes --encoder ./dpr
    hybrid convert-encoder ./dpr dpr.cp

    A reader's checkpoint becomes a folder for --reader. Only tensors and plain values are opened.
    """
    for library in ("torch", "safetensors"):
        need_library(library, "Converting an encoder")
    from ..encoders import facebook
    from ..reader.facebook import import_reader

    if target.exists():
        raise UsageError(f"{target} is there already; remove it, or say another name.")
    path = Path(source).expanduser()
    if path.is_file():
        saved = facebook.read_file(path)
        convert = import_reader if saved.is_reader else facebook.import_encoder
        convert(saved, facebook.find_like(saved, like), target)
    elif target.suffix not in facebook.SUFFIXES:
        raise UsageError(f"{source} is no file, so it is turned into one: let TO end with {facebook.SUFFIXES[0]}.")
    elif like:
        raise UsageError(f"{source} has a tokenizer of its own; leave --like out.")
    else:
        facebook.write_file(source, target)
    click.echo(str(target))
