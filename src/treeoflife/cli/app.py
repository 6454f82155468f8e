"""The commands, in groups."""

from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ..core.memory_limits import require_memory
from ..core.versions import __version__
from . import build, checks, clusters, download, embed, evaluate, look, names, publish, withdraw
from .common import refuse_address, require_utf8_word

_COMMANDS: dict[str, dict[str, Callable[..., Any]]] = {
    "Build": {
        "init": build.init, "build": build.build, "status": build.status, "fetch": build.fetch,
        "mapping": build.mapping, "provenance": build.provenance, "splits": build.splits, "metadata": build.metadata,
        "duplicates": build.duplicates, "wds": build.wds, "demo": build.demo,
    },
    "Change": {"withdraw": withdraw.withdraw, "diff": withdraw.diff},
    "Check": {
        "check-wds": checks.check_wds, "check-shards": checks.check_shards, "check-taxa": checks.check_taxa,
        "verify": checks.verify, "leaks": evaluate.leaks, "hashes": evaluate.hashes,
    },
    "Look": {
        "report": look.report, "explore": look.explore, "catalog": look.catalog, "taxa": look.taxa,
        "embed": embed.embed,
    },
    "Publish": {"card": publish.card, "publish": publish.publish, "captioned": publish.captioned},
    "Clusters": {
        "jobs": clusters.jobs, "cancel": clusters.cancel, "export-slurm": clusters.export_slurm,
        "share": clusters.share,
    },
}  # fmt: skip
_SUBCOMMANDS = {"Check": "holdout", "Look": "names", "Download": "download"}
# These read and name files of any name, or say themselves which of them cannot have one.
_TAKE_ANY_PATH = ("captioned", "hashes", "init", "leaks")
# init writes an address of the raw data into dataset.toml; the others have options for addresses on the web.
_TAKE_ADDRESSES = ("card", "download", "init", "withdraw")
_HEADINGS = ("Build", "Change", "Check", "Look", "Publish", "Download", "Clusters")


class _GroupedCommands(TyperGroup):
    """Lists commands under headings in its help, and refuses words that no command can open as a path."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, words = super().resolve_command(ctx, args)
        for word in () if name in _TAKE_ANY_PATH else words:
            require_utf8_word(word)
        for word in () if name in _TAKE_ADDRESSES else words:
            refuse_address(word)
        return name, command, words

    def format_commands(self, _ctx: Any, formatter: Any) -> None:
        for heading in _HEADINGS:
            names = [*_COMMANDS.get(heading, ()), _SUBCOMMANDS.get(heading, "")]
            commands = [(name, self.commands[name]) for name in names if name]
            width = formatter.width - 6 - max(len(name) for name in self.commands)
            with formatter.section(heading):
                formatter.write_dl([(name, command.get_short_help_str(width)) for name, command in commands])


app = typer.Typer(
    name="treeoflife",
    help="Build image-text datasets of living things: ids, splits, names, WebDataset shards, checks, a catalog.",
    cls=_GroupedCommands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(*, asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    *,
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=lambda value: _print_version(asked=value), is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    require_memory()


for _commands in _COMMANDS.values():
    for _name, _function in _commands.items():
        # check-wds once checked any shards too: what it does not know goes on to check-shards.
        _unknown = {"allow_extra_args": True, "ignore_unknown_options": True} if _name == "check-wds" else None
        app.command(name=_name, context_settings=_unknown)(_function)
app.add_typer(names.app, name="names")
app.add_typer(evaluate.holdout_app, name="holdout")
app.add_typer(download.app, name="download", help="Fetch what a build needs: components, or groups of them.")
