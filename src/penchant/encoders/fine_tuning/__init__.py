"""A pretrained encoder made to fit a task: which of its weights are trained, and how the result is kept.

`FineTunedEncoder` takes any method of `METHODS` by its name and settings; each method is one file of one shape
(`FineTuningMethod`). What it saves, `penchant.encoders.load_encoder` reads. peft is imported where it is used.
"""

from penchant.encoders.fine_tuning.catalogue import METHODS
from penchant.encoders.fine_tuning.encoder import FineTunedEncoder, FineTunedEncoderConfig
from penchant.encoders.fine_tuning.method import FineTuningMethod, MethodConfig

__all__ = ["METHODS", "FineTunedEncoder", "FineTunedEncoderConfig", "FineTuningMethod", "MethodConfig"]
