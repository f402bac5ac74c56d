"""The `penchant` command. Commands import what they need when they run, so that `--help` stays instant."""

import os
import sys

import typer

from penchant.cli import (
    abtest,
    ask,
    augment,
    compare,
    data,
    demo,
    discover,
    drift,
    edit,
    evaluate,
    finetune,
    fit,
    import_,
    log,
    metrics,
    ope,
    pretrain,
    reading,
    run,
    runs,
    screen,
    serve,
    tune,
    update,
    use,
)
from penchant.cli.delivery import Commands
from penchant.errors import PenchantError

app = typer.Typer(
    name="penchant",
    cls=Commands,
    help="Learns what each user is interested in, says it in words, and recommends from it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # boxes around the help cost half of its time
    pretty_exceptions_enable=False,
)
import_.register(app)
data.register(app)
augment.register(app)
fit.register(app)
update.register(app)
use.register(app)
discover.register(app)
ask.register(app)
reading.register(app)
edit.register(app)
drift.register(app)
evaluate.register(app)
compare.register(app)
tune.register(app)
runs.register(app)
run.register(app)
pretrain.register(app)
finetune.register(app)
metrics.register(app)
abtest.register(app)
serve.register(app)
log.register(app)
ope.register(app)
demo.register(app)


def main() -> None:
    """Run the command line. A fault of the caller's prints what came, what was allowed and what to do, and exits 2."""
    # Threads that wait give their core away: where other programs run too, spinning makes training many times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app()
    except PenchantError as error:
        screen.fail(error)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the reader of a pipe went away, such as `| head`
        sys.exit(0)
