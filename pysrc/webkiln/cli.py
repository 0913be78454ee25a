"""The command line. What a command does is in `webkiln.commands`, imported when it is called: `--help` answers at once."""

from __future__ import annotations

import io
import signal
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

FAILED, UNSUPPORTED = 1, 3  # 2 is click's, for wrong usage

PRECISIONS = click.Choice(["f32", "f16", "uint16", "int8", "uint8", "int4"])
BACKENDS = click.Choice(["numpy", "wasm", "webgl", "auto"])
HOST_BACKENDS = click.Choice(["wasm", "webgl", "auto"])
BROWSERS = click.Choice(["node", "chromium", "firefox", "webkit"])
SOURCES = click.Choice(["onnx", "onnx-preview", "onnx-training", "onnx-ml", "onnx-microsoft", "tflite", "tensorflow", "all"])
WHERE = "node; chromium for webgl and auto"


class InputShape(click.ParamType[Any]):
    """`NAME=SHAPE`, as in `image=1,256,256,3`."""

    name = "NAME=SHAPE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, tuple[int, ...]]:
        name, separator, shape = str(value).rpartition("=")
        try:
            sizes = tuple(int(size) for size in shape.replace("x", ",").split(",")) if shape else ()
        except ValueError:
            sizes = (-1,)
        if not separator or not name or any(size < 0 for size in sizes):
            self.fail(f"{value!r} is not NAME=SHAPE, as in image=1,256,256,3", param, ctx)
        return name, sizes


class OpenSize(click.ParamType[Any]):
    """`NAME=NUMBER`, as in `N=1`."""

    name = "NAME=NUMBER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        name, _, size = str(value).rpartition("=")
        if not name or not (size.isascii() and size.isdecimal()) or int(size) < 1:
            self.fail(f"{value!r} is not NAME=NUMBER, as in N=1", param, ctx)
        return name, int(size)


class InputKind(click.ParamType[Any]):
    """`NAME=KIND`, as in `image=picture:0..1`."""

    name = "NAME=KIND"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        name, _, kind = str(value).rpartition("=")
        if not name or not kind:
            self.fail(f"{value!r} is not NAME=KIND, as in image=picture:0..1", param, ctx)
        return name, kind


class Commands(click.Group):
    """The group; turns the package's own errors into a message and an exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        # A terminated command has browsers to end and folders to remove, as an interrupted one has.
        signal.signal(signal.SIGTERM, _terminated)
        for stream in (sys.stdout, sys.stderr):  # a terminal that cannot show a character is shown its number
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except Exception as error:
            from webkiln.errors import UnsupportedOperatorError, WebkilnError

            if ctx.params.get("debug") or not isinstance(error, (WebkilnError, OSError)):
                raise
            from webkiln.commands.terminal import plain_lines

            click.echo(f"error: {plain_lines(str(error))}", err=True)
            ctx.exit(UNSUPPORTED if isinstance(error, UnsupportedOperatorError) else FAILED)


def _terminated(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from webkiln import __version__

        click.echo(f"webkiln {__version__}")
        ctx.exit()


def _run(ctx: click.Context, command: str, **arguments: Any) -> None:
    """Call a module of `webkiln.commands`; it returns whether all went well."""
    if not import_module(f"webkiln.commands.{command}").command(**arguments):
        ctx.exit(FAILED)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Convert trained models for the web, and run them there.

    SRC is a model's file. MODEL is a folder in the web format, a file that is converted on the fly, or the name of a
    gallery model.

    Exit status: 0 all well, 1 an error or a failed verification, 2 wrong usage, 3 unsupported operators.
    """


@main.command(short_help="Convert with few questions and measured consequences, verify, write a page.")
@click.argument("src", required=False)
@click.option("-o", "--output", metavar="DIR", help="The folder to write.")
@click.option("--yes", is_flag=True, help="Ask nothing: take the defaults.")
@click.option("--plan", is_flag=True, help="Do everything but write.")
@click.option("--answers", "file", type=click.Path(path_type=Path, dir_okay=False), help="Save the answers there; when the file exists, give them again.")
@click.option("--signature", help="Convert this signature.")
@click.option("--input", "shapes", type=InputShape(), multiple=True, help="Fix the shape of an input. Repeatable.")
@click.option("--size", "sizes", type=OpenSize(), multiple=True, help="Fix a size that the model leaves open. Repeatable.")
@click.option("--open-sizes", is_flag=True, help="Leave all sizes open that the model leaves open.")
@click.option("--kind", "kinds", type=InputKind(), multiple=True, help="What an input is: picture:0..1, audio:16000, tokens, numbers. Repeatable.")
@click.option("--labels", metavar="FILE", help="The names of the classes, a line for each.")
@click.option("--quantize", "precision", type=PRECISIONS, help="How weights are stored.")
@click.option("--samples", type=click.Path(path_type=Path), multiple=True, help="A picture, or an .npz file with an array per input, to measure precisions on. Repeatable.  [default: generated]")
@click.option("--single-file", is_flag=True, help="Write one HTML file with everything inside, too.")
@click.option("--browser", type=BROWSERS, help="Where to verify.  [default: chromium where there is one, else node]")
@click.option("--force", is_flag=True, help="Replace DIR when it holds an earlier result.")
@click.pass_context
def wizard(ctx: click.Context, /, src: str | None, file: Path | None, open_sizes: bool, single_file: bool, **given: Any) -> None:
    """Look at SRC, ask what there is to choose, convert, verify, and write what runs the model.

    SRC is a model's file, a folder with one, or the name of a gallery model; without it, there is a choice. Enter takes the default everywhere;
    without a terminal, answers are lines of the standard input. Exit status 130: stopped with Ctrl-C, and nothing was written.
    """
    from converter_wizard.answers import Answers
    from converter_wizard.wizard import run

    if open_sizes and given["sizes"]:
        raise click.UsageError("--open-sizes leaves every size open, and --size fixes one: give one of them", ctx)
    tables: dict[str, Any] = {name: dict(given.pop(name)) or None for name in ("shapes", "sizes", "kinds")}
    if open_sizes:
        tables["sizes"] = {}
    chosen = {name: given.pop(name) for name in ("signature", "labels", "precision", "output", "browser")}
    samples = tuple(map(str, given.pop("samples"))) or None
    debug = ctx.find_root().params["debug"]
    ctx.exit(run(Answers(src, **tables, **chosen, samples=samples, single_file=single_file or None), file=file, debug=debug, **given))


@main.command()
@click.argument("src")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), help="The folder to write.")
@click.option("--quantize", type=PRECISIONS, help="How weights are stored; with --max-error, the fewest bits that a layer may get.")
@click.option("--max-error", type=click.FloatRange(min=0), help="Give each layer the fewest bits that keep the error of the outputs below this share of their largest magnitude.")
@click.option("--prune", type=click.FloatRange(0, 1, max_open=True), help="Make this share of the weights 0, the smallest in each tensor.")
@click.option("--samples", type=click.Path(path_type=Path), multiple=True, help="A picture, or an .npz file with an array per input, to measure errors on. Repeatable.  [default: generated]")
@click.option("--input", "inputs", type=InputShape(), multiple=True, help="Fix the shape of an input. Repeatable.")
@click.option("--signature", help="Convert only this signature.")
@click.option("--plan", is_flag=True, help="Say what would be written, and write nothing.")
@click.option("--force", is_flag=True, help="Replace the output folder when it exists.")
@click.pass_context
def convert(ctx: click.Context, /, out: Path | None, plan: bool, **arguments: Any) -> None:
    """Convert SRC into a folder in the web format.

    With --quantize, --max-error or --prune, the error against float32 is measured on samples and shown.
    """
    if out is None and not plan:
        raise click.UsageError("missing -o OUT, the folder to write (or --plan, to write nothing)", ctx)
    if arguments["samples"] and all(arguments[one] is None for one in ("quantize", "max_error", "prune")):
        raise click.UsageError("--samples are for measuring errors: give --quantize, --max-error or --prune too", ctx)
    _run(ctx, "convert", out=out, plan=plan, **arguments)


@main.command(short_help="Inputs, outputs, operators, size, plan, memory, licence.")
@click.argument("model")
@click.option("--backend", type=HOST_BACKENDS, help="Whose plan to show.  [default: wasm]")
@click.option("--browser", type=BROWSERS, help=f"Where to plan.  [default: {WHERE}]")
@click.pass_context
def inspect(ctx: click.Context, /, model: str, **arguments: Any) -> None:
    """Show what MODEL is: inputs, outputs, operators, size, the plan of a run and its memory, licence."""
    _run(ctx, "inspect", source=model, **arguments)


@main.command()
@click.argument("model")
@click.option("--inputs", type=click.Path(path_type=Path), required=True, help="An .npz file with an array per input, or a picture.")
@click.option("--outputs", type=click.Path(path_type=Path), required=True, help="The .npz file to write.")
@click.option("--backend", type=BACKENDS, help="What computes.  [default: numpy, or wasm with --browser]")
@click.option("--browser", type=BROWSERS, help=f"Where, unless in NumPy.  [default: {WHERE}]")
@click.pass_context
def run(ctx: click.Context, /, model: str, **arguments: Any) -> None:
    """Run MODEL on arrays from a file."""
    if arguments["backend"] == "numpy" and arguments["browser"]:
        raise click.UsageError("the backend numpy runs in no browser: leave out --browser, or take --backend wasm", ctx)
    _run(ctx, "run", source=model, **arguments)


@main.command(short_help="Compare results with the NumPy reference.")
@click.argument("model")
@click.option("--backend", "backends", type=BACKENDS, multiple=True, help="Repeatable.  [default: numpy and wasm]")
@click.option("--browser", "browsers", type=BROWSERS, multiple=True, help="Repeatable; webgl needs another than node.  [default: node and chromium]")
@click.option("--cases", type=click.IntRange(0, 1000), default=2, show_default=True, help="Random inputs to try.")
@click.option("--seed", type=int, default=1, show_default=True, help="What the random inputs are drawn from.")
@click.pass_context
def verify(ctx: click.Context, /, model: str, **arguments: Any) -> None:
    """Compare MODEL's results on each backend in each browser with the NumPy reference."""
    _run(ctx, "verify", source=model, **arguments)


@main.command(short_help="Measure the time of a run.")
@click.argument("model")
@click.option("--backend", "backends", type=HOST_BACKENDS, multiple=True, help="Repeatable.  [default: wasm]")
@click.option("--browser", "browsers", type=BROWSERS, multiple=True, help="Repeatable; webgl needs another than node.  [default: node and chromium]")
@click.option("--runs", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Runs at most.")
@click.option("--seconds", type=click.FloatRange(0.1, 600), default=10, show_default=True, help="Time at most, each.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def bench(ctx: click.Context, /, model: str, **arguments: Any) -> None:
    """Measure the time of one run of MODEL on each backend in each browser."""
    _run(ctx, "bench", source=model, **arguments)


@main.command(short_help="Write pages, a module and a card for a model.")
@click.argument("model")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), help="The folder to write.  [default: MODEL_page]")
@click.option("--single-file", is_flag=True, help="Also everything in one HTML file.")
@click.option("--sample", type=click.Path(path_type=Path), help="A picture or sound that the page begins with.")
@click.option("--title", help="What the page is called.  [default: the model's name]")
@click.option("--force", is_flag=True, help="Replace the files that it writes.")
@click.pass_context
def page(ctx: click.Context, /, model: str, **arguments: Any) -> None:
    """Verify MODEL, and write what runs it: a ready page, a page that verifies it on a visitor's device, a typed module, code to start
    from, a model card."""
    _run(ctx, "page", source=model, **arguments)


@main.command(short_help="Serve a folder with the right headers.")
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=Path())
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes any free one.")
@click.option("--no-isolation", is_flag=True, help="Leave out the headers that shared memory needs.")
@click.pass_context
def serve(ctx: click.Context, /, **arguments: Any) -> None:
    """Serve a folder on this machine, with the right MIME types and isolation headers."""
    _run(ctx, "serve", **arguments)


@main.group(invoke_without_command=True)
@click.pass_context
def gallery(ctx: click.Context, /) -> None:
    """Known pretrained models, fetched from package registries. Without a command: list them."""
    if ctx.invoked_subcommand is None:
        _run(ctx, "gallery_list")


@gallery.command("list")
@click.pass_context
def gallery_list(ctx: click.Context, /) -> None:
    """Show the gallery's models with their sizes and licences."""
    _run(ctx, "gallery_list")


@gallery.command("show")
@click.argument("name")
@click.pass_context
def gallery_show(ctx: click.Context, /, **arguments: Any) -> None:
    """Show what is known of the model NAME, with a sample and lines of code that run it."""
    _run(ctx, "gallery_show", **arguments)


@gallery.command("get")
@click.argument("name")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), metavar="DIR", help="Convert the model, and write it here.")
@click.option("--quantize", type=PRECISIONS, help="How weights are stored.")
@click.option("--source", is_flag=True, help="Write the model's own files to DIR instead.")
@click.option("--sample", is_flag=True, help="Write a file to try the model with to DIR, too.")
@click.option("--force", is_flag=True, help="Replace DIR when it exists.")
@click.pass_context
def gallery_get(ctx: click.Context, /, **arguments: Any) -> None:
    """Fetch the model NAME, once, and print where its file is, or convert it."""
    _run(ctx, "gallery_get", **arguments)


@main.command(short_help="Convert, verify, serve and open a demo page.")
@click.argument("name", default="pose")
@click.option("--export", type=click.Path(path_type=Path), metavar="DIR", help="Write the page here instead of serving it.")
@click.option("--single-file", is_flag=True, help="Write also one HTML file that holds everything.")
@click.option("--list", "listed", is_flag=True, help="Show which demos there are, and end.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port to serve on.  [default: a free one]")
@click.option("--no-open", is_flag=True, help="Serve, and open no browser.")
@click.option("--check", is_flag=True, help="Load the page in headless Chromium, say whether it works, and end.")
@click.option("--force", is_flag=True, help="Replace DIR when it exists.")
@click.pass_context
def demo(ctx: click.Context, /, **arguments: Any) -> None:
    """Fetch, convert and verify what the demo NAME needs, serve its page and open it; `gallery` is all of them."""
    _run(ctx, "demo", **arguments)


@main.command(short_help="The operators that models are made of, or those of the sources.")
@click.option("--source", type=SOURCES, help="The operators of this source instead, and whether they are converted.")
@click.option("--markdown", is_flag=True, help="Print Markdown.")
@click.pass_context
def ops(ctx: click.Context, /, source: str | None, markdown: bool) -> None:
    """Show the operators that models are made of, or which operators of a source are converted."""
    if source is None:
        _run(ctx, "ops", markdown=markdown)
    else:
        _run(ctx, "source_operators", source=source, markdown=markdown)
