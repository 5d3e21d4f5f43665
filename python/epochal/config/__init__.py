"""Schedules as text and as plain mappings, and back.

Text is what `repr` prints, with or without "Scheduler":

>>> from epochal import parse, from_config
>>> parse("CosineAnnealing(alpha_f=0.1).until('50ba', Constant(0.1)) * 0.5")
CosineAnnealingScheduler(t_max='1dur', alpha_f=0.1).until('50ba', ConstantScheduler(alpha=0.1,
t_max='1dur')) * 0.5

A mapping holds what JSON, YAML and TOML can: a name and the arguments of a schedule, or of an
operation on schedules.

>>> from_config({"name": "linear", "alpha_f": 0.1}) == LinearScheduler(alpha_f=0.1)
True
>>> LinearScheduler().until("50ba", LinearScheduler()).to_config()
{'name': 'until', 'of': {'name': 'linear'}, 't': '50ba', 'then': {'name': 'linear'}}

Names are those of the classes in small letters, "cosine_annealing_warm_restarts", and those of
llm-foundry's schedulers; class names are understood too. The operations are `after_warmup`,
`until`, `cooldown`, `clip`, `repeat`, `advance` and `delay`, whose schedule is the field `of`;
"product" with its `factors`, and "scale" and "lift", which multiply `of` `by` a number and add it.
"""

from epochal.config._mappings import from_config
from epochal.config._schema import config_schema
from epochal.config._text import parse

__all__ = ["config_schema", "from_config", "parse"]
