"""A table of settings changes what it names; the rest stays as the model has it, not as its class has it elsewhere."""

from typing import Any

import pytest

from penchant.config import Config
from penchant.encoders.fine_tuning.head_only import HeadOnlyConfig
from penchant.encoders.fine_tuning.lora import LoraConfig
from penchant.models.language import multi_task, next_item_tuning
from penchant.models.language.multi_task import MultiTaskConfig
from penchant.models.language.next_item_tuning import NextItemTuningConfig
from penchant.models.language.prompts import cloze
from penchant.models.language.prompts.cloze import ClozeConfig
from penchant.models.language.text_rating import TextRatingConfig
from penchant.pipeline.pretraining import PretrainingConfig

PROMPT = {"path": "x", "template": {"text": "{item} {mask}"}, "verbaliser": {"words": {"a": ["b"], "c": ["d"]}}}


@pytest.mark.parametrize(
    ("cls", "given", "name", "usual"),
    [
        (NextItemTuningConfig, {}, "training", next_item_tuning.TUNING),
        (NextItemTuningConfig, {}, "head_training", next_item_tuning.HEAD),
        (MultiTaskConfig, {}, "training", multi_task.FINE_TUNING),
        (TextRatingConfig, {}, "training", multi_task.FINE_TUNING),
        (ClozeConfig, PROMPT, "training", cloze.FINE_TUNING),
        (PretrainingConfig, {}, "steps", PretrainingConfig().steps),
    ],
)
def test_one_setting_of_a_training_leaves_the_others(
    cls: type[Config], given: dict[str, Any], name: str, usual: Config
):
    said = {"training" if name == "steps" else name: {"max_epochs": 7}}
    found = getattr(cls.of({**given, **said}), name)
    assert found == usual.model_copy(update={"max_epochs": 7})


def test_another_base_is_fine_tuned_by_the_same_method_and_length():
    encoder = NextItemTuningConfig.of({"encoder": {"path": "mine"}}).encoder
    assert (encoder.path, encoder.method, encoder.max_length) == ("mine", LoraConfig(), 64)
    chosen = NextItemTuningConfig.of({"encoder": {"method": "head_only"}}).encoder
    assert (chosen.method, chosen.max_length) == (HeadOnlyConfig(), 64)


@pytest.mark.parametrize(
    ("told", "rate"),
    [
        ({"optimiser": "sgd"}, 0.01),
        ({"optimiser": "adafactor"}, 0.01),
        ({"optimiser": "adam"}, 5e-5),
        ({"optimiser": "sgd", "learning_rate": 0.2}, 0.2),
    ],
)
def test_an_optimiser_whose_rates_are_measured_otherwise_comes_with_its_own(told: dict[str, Any], rate: float):
    assert NextItemTuningConfig.of({"training": told}).training.learning_rate == rate
    assert PretrainingConfig.of({"training": told}).steps.learning_rate == rate
