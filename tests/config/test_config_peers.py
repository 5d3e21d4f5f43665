"""pydantic, OmegaConf and Hydra read schedules, where they are installed, by nothing of ours but
`from_config` and `to_config`."""

from typing import Annotated, Any

import pytest
from epochal import (
    CosineAnnealingWithWarmupScheduler,
    LinearScheduler,
    MultiStepScheduler,
    PiecewiseScheduler,
    Run,
    Schedule,
    from_config,
)

EXPECTED = CosineAnnealingWithWarmupScheduler("100ba", alpha_f=0.1)


def test_pydantic() -> None:
    pydantic = pytest.importorskip("pydantic")
    field = Annotated[
        Schedule,
        pydantic.BeforeValidator(from_config),
        pydantic.PlainSerializer(Schedule.to_config),
    ]
    model: Any = pydantic.create_model(
        "Settings",
        __config__=pydantic.ConfigDict(arbitrary_types_allowed=True),
        scheduler=(field, ...),
    )
    text = '{"scheduler":{"name":"cosine_with_warmup","t_warmup":"100ba","alpha_f":0.1}}'
    settings = model.model_validate_json(text)
    assert settings.scheduler == EXPECTED
    assert settings.model_dump_json() == text
    assert model(scheduler=EXPECTED) == settings
    with pytest.raises(pydantic.ValidationError, match="did you mean 'cosine_with_warmup'"):
        model(scheduler={"name": "cosin_with_warmup"})


def test_omegaconf() -> None:
    omegaconf = pytest.importorskip("omegaconf")
    config = omegaconf.OmegaConf.create(
        """
        end: 0.9dur
        scheduler:
          name: product
          factors:
            - {name: linear, t_max: "${end}", alpha_f: 1e-1}
            - {name: piecewise, points: [[0ba, 1e-3], [5ba, 1]]}
            - {name: multi_step, milestones: [3ba, 5ep]}
        """
    )
    assert from_config(config.scheduler) == (
        LinearScheduler(t_max="0.9dur", alpha_f=0.1)
        * PiecewiseScheduler([("0ba", 1e-3), ("5ba", 1)])
        * MultiStepScheduler(["3ba", "5ep"])
    )


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (
            "{_target_: epochal.CosineAnnealingWithWarmupScheduler, t_warmup: 100ba, alpha_f: 0.1}",
            EXPECTED,
        ),
        (
            "{_target_: epochal.from_config, "
            "config: {name: cosine_with_warmup, t_warmup: 100ba, alpha_f: 0.1}}",
            EXPECTED,
        ),
        (
            "{_target_: epochal.MultiStepScheduler, milestones: [3ba, 5ep]}",
            MultiStepScheduler(["3ba", "5ep"]),
        ),
        (
            "{_target_: epochal.Run, max_duration: 3ep, batches_per_epoch: 7}",
            Run("3ep", batches_per_epoch=7),
        ),
    ],
)
def test_hydra(config: str, expected: object) -> None:
    utils = pytest.importorskip("hydra.utils")
    create = pytest.importorskip("omegaconf").OmegaConf.create
    assert utils.instantiate(create(config)) == expected
