"""The application: routers, error shapes and the console put together."""

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

import penchant
from penchant.errors import PenchantError
from penchant.feedback import Stores
from penchant.pipeline.exploring import Exploration
from penchant.pipeline.named_policy import Chooser, PolicyWish
from penchant.progress import SILENT, Progress
from penchant.serving import console, failures
from penchant.serving.door import Door
from penchant.serving.experiments import Trial
from penchant.serving.live import LiveModel
from penchant.serving.monitoring import Monitoring, MonitoringConfig
from penchant.serving.outgoing import Failure
from penchant.serving.parameters import known_query
from penchant.serving.routes import ROUTERS
from penchant.serving.served_model import ServedModel

MAX_BODY_BYTES = 8 * 2**20


def create_app(
    model: ServedModel,
    stores: Stores,
    *,
    max_body_bytes: int = MAX_BODY_BYTES,
    progress: Progress = SILENT,
    trial: Trial | None = None,
    monitoring: MonitoringConfig | None = None,
    policy: PolicyWish | None = None,
) -> FastAPI:
    """An ASGI application that serves `model`, after what `stores` hold has been replayed into it; with `trial` as an
    experiment says, and watched as `monitoring` says. `policy` chooses where a request leaves it open (None: the dial);
    `NotFoundError` and `ConfigError` where there is no such policy or setting.

    The caller keeps `stores` open while the application runs, and closes them afterwards.
    """
    Chooser.asked(Exploration(), policy=policy)  # refused before anybody asks
    if trial is not None:
        trial.check(model)
    live = LiveModel(model, stores, trial=trial, monitoring=Monitoring(monitoring), policy=policy)
    live.replay(progress=progress)
    app = FastAPI(
        title="Penchant",
        version=penchant.__version__,
        summary="Learns what each user is interested in, says it in words, and recommends from it.",
        docs_url=None,  # the pages for people load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        responses={"4XX": {"model": Failure}, "5XX": {"model": Failure}},
    )
    app.add_exception_handler(PenchantError, failures.of_penchant)
    app.add_exception_handler(RequestValidationError, failures.of_validation)
    app.add_exception_handler(HTTPException, console.or_page(failures.of_http))
    app.state.live = live
    app.state.max_body_bytes = max_body_bytes
    for router in ROUTERS:
        app.include_router(router, dependencies=[Depends(known_query)])
    console.mount(app)
    app.add_middleware(Door)
    return app
