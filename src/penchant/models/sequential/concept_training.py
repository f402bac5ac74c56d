"""A tracker's further training through a dictionary of concepts, so that the concepts carry its ranking."""

from collections.abc import Callable

import scipy.sparse as sp
import torch

from penchant.concepts.dictionary import Dictionary, fit_dictionary
from penchant.data.dataset import Dataset
from penchant.interfaces import FitOptions
from penchant.models.sequential.concept_space import ConceptItemSpace
from penchant.models.sequential.config import InterestTrackerConfig
from penchant.models.sequential.training import FurtherModule, SoftmaxLoss
from penchant.models.sequential.transformer import SequenceEncoder
from penchant.models.sequential.windows import window_epochs
from penchant.seeding import derive, numpy_rng
from penchant.training.devices import chosen_device
from penchant.training.loop import TrainingRecord, train
from penchant.training.runs import training_run
from penchant.types import FloatArray

NAME = "concepts"


class ConceptModule(FurtherModule):
    """The encoder and the item space of concepts."""

    space: ConceptItemSpace


def train_through_concepts(
    dataset: Dataset,
    config: InterestTrackerConfig,
    options: FitOptions,
    *,
    encoder: SequenceEncoder,
    vectors_ID: FloatArray,
    starts_UD: FloatArray | None,
    names_IN: sp.csr_array,
    signals: bool,
    evaluate: Callable[[ConceptModule], float] | None,
) -> tuple[ConceptModule, Dictionary, TrainingRecord] | None:
    """Go on from an encoder and item vectors, through the dictionary that is found of them; None where there is no
    concept on enough items.

    The process's own torch randomness is as before afterwards.
    """
    device = chosen_device(options.device)
    histories, counts, told = dataset.histories(), dataset.item_counts(), config.concepts
    dictionary = fit_dictionary(
        vectors_ID,
        names_IN,
        told.dictionary,
        texts_ID=options.item_vectors,
        counted_I=counts > 0,
        rng=numpy_rng(options.seed, NAME, "dictionary"),
        progress=options.progress,
    )
    if not len(dictionary.directions):
        return None

    batches = window_epochs(
        histories,
        max_length=config.max_length,
        batch_tokens=config.batch_tokens,
        seed=options.seed,
        name=NAME,
        signals=signals,
    )
    with torch.random.fork_rng():
        torch.manual_seed(derive(options.seed, NAME))
        space = ConceptItemSpace(dictionary, vectors_ID, residual_dropout=told.residual_dropout, pace=told.pace)
        module = ConceptModule(space, encoder, starts_UD).to(device)
        loss = SoftmaxLoss(module, config, counts, device=device, seed=options.seed)
        settings = {"learning_rate": told.learning_rate, "max_epochs": told.epochs, "evaluate_every": 1}
        record = train(
            module,
            batches=batches,
            loss=loss,
            evaluate=None if evaluate is None else (lambda: evaluate(module)),
            config=config.training.model_copy(update=settings),
            progress=options.progress,
            name="Training through concepts",
            run=training_run(options, dataset=dataset, config=config, name=NAME),
            generators={"negatives": loss.rng},
        )
    return module, dictionary, record
