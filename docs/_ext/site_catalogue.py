"""Every schedule and operation once: an example that is drawn, its names elsewhere, its source.

What a schedule computes and takes stands in its docstring alone.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Entry:
    """A page of the site, and a picture of the gallery."""

    name: str  # of the class, or of the method of `Schedule`
    example: str  # as `epochal.parse` reads it
    run: str = "100ba"
    elsewhere: dict[str, str] = field(default_factory=dict)
    papers: tuple[str, ...] = ()  # names of PAPERS


PAPERS = {
    "clr": "Smith: Cyclical Learning Rates for Training Neural Networks, 2017, "
    "[arXiv:1506.01186](https://arxiv.org/abs/1506.01186)",
    "cooldown": "Hägele et al.: Scaling Laws and Compute-Optimal Training Beyond Fixed Training "
    "Durations, 2024, [arXiv:2405.18392](https://arxiv.org/abs/2405.18392)",
    "deeplab": "Chen et al.: DeepLab, 2017, [arXiv:1606.00915](https://arxiv.org/abs/1606.00915)",
    "linear": "Defazio et al.: Optimal Linear Decay Learning Rate Schedules and Further "
    "Refinements, 2023, [arXiv:2310.07831](https://arxiv.org/abs/2310.07831)",
    "minicpm": "Hu et al.: MiniCPM, 2024, [arXiv:2404.06395](https://arxiv.org/abs/2404.06395)",
    "noam": "Vaswani et al.: Attention Is All You Need, 2017, "
    "[arXiv:1706.03762](https://arxiv.org/abs/1706.03762)",
    "resnet": "He et al.: Deep Residual Learning for Image Recognition, 2016, "
    "[arXiv:1512.03385](https://arxiv.org/abs/1512.03385)",
    "scaling vit": "Zhai et al.: Scaling Vision Transformers, 2022, "
    "[arXiv:2106.04560](https://arxiv.org/abs/2106.04560)",
    "sgdr": "Loshchilov, Hutter: SGDR, 2017, [arXiv:1608.03983](https://arxiv.org/abs/1608.03983)",
    "superconvergence": "Smith, Topin: Super-Convergence, 2018, "
    "[arXiv:1708.07120](https://arxiv.org/abs/1708.07120)",
    "warmup": "Goyal et al.: Accurate, Large Minibatch SGD, 2017, "
    "[arXiv:1706.02677](https://arxiv.org/abs/1706.02677)",
}

SCHEDULES = [
    Entry(
        "StepScheduler",
        "Step('30ba', gamma=0.5)",
        elsewhere={"PyTorch": "`StepLR`", "timm": "`StepLRScheduler`"},
        papers=("resnet",),
    ),
    Entry(
        "MultiStepScheduler",
        "MultiStep(['30ba', '60ba', '0.8dur'], gamma=0.5)",
        elsewhere={
            "PyTorch": "`MultiStepLR`",
            "timm": "`MultiStepLRScheduler`",
            "optax": "`piecewise_constant_schedule`",
        },
        papers=("resnet",),
    ),
    Entry(
        "ConstantScheduler",
        "Constant(0.5, t_max='50ba')",
        elsewhere={
            "PyTorch": "`ConstantLR`",
            "Transformers": '`"constant"`',
            "optax": "`constant_schedule`",
        },
    ),
    Entry(
        "LinearScheduler",
        "Linear()",
        elsewhere={"PyTorch": "`LinearLR`", "optax": "`linear_schedule`"},
        papers=("linear",),
    ),
    Entry(
        "ExponentialScheduler",
        "Exponential(0.5, decay_period='25ba')",
        elsewhere={"PyTorch": "`ExponentialLR`", "optax": "`exponential_decay`"},
    ),
    Entry(
        "CosineAnnealingScheduler",
        "CosineAnnealing(alpha_f=0.1)",
        elsewhere={
            "PyTorch": "`CosineAnnealingLR`",
            "timm": "`CosineLRScheduler`",
            "optax": "`cosine_decay_schedule`",
        },
        papers=("sgdr",),
    ),
    Entry(
        "CosineAnnealingWarmRestartsScheduler",
        "CosineAnnealingWarmRestarts('15ba', t_mult=2)",
        elsewhere={
            "PyTorch": "`CosineAnnealingWarmRestarts`",
            "Transformers": '`"cosine_with_restarts"`',
            "optax": "`sgdr_schedule`",
        },
        papers=("sgdr",),
    ),
    Entry(
        "PolynomialScheduler",
        "Polynomial(power=2)",
        elsewhere={
            "PyTorch": "`PolynomialLR`",
            "timm": "`PolyLRScheduler`",
            "optax": "`polynomial_schedule`",
        },
        papers=("deeplab",),
    ),
    Entry(
        "InverseSquareRootScheduler",
        "InverseSquareRoot('10ba')",
        elsewhere={"Megatron": "`inverse-square-root`", "fairseq": "`inverse_sqrt`"},
        papers=("noam",),
    ),
    Entry(
        "PiecewiseScheduler",
        "Piecewise([('0ba', 0.2), ('20ba', 1), ('60ba', 0.6), ('1dur', 0)], "
        "['linear', 'cosine', 'square'])",
        elsewhere={"NumPy": "`interp`", "optax": "`piecewise_interpolate_schedule`"},
    ),
    Entry(
        "MultiStepWithWarmupScheduler",
        "MultiStepWithWarmup('10ba', ['50ba', '80ba'], gamma=0.5)",
        elsewhere={"timm": "`MultiStepLRScheduler` with `warmup_t`"},
        papers=("warmup",),
    ),
    Entry(
        "ConstantWithWarmupScheduler",
        "ConstantWithWarmup('10ba')",
        elsewhere={"Transformers": '`"constant_with_warmup"`'},
    ),
    Entry(
        "LinearWithWarmupScheduler",
        "LinearWithWarmup('10ba')",
        elsewhere={"Transformers": '`"linear"`', "Megatron": "`linear`"},
        papers=("warmup", "linear"),
    ),
    Entry(
        "CosineAnnealingWithWarmupScheduler",
        "CosineAnnealingWithWarmup('10ba', alpha_f=0.1)",
        elsewhere={
            "Transformers": '`"cosine"`, `"cosine_with_min_lr"`',
            "Megatron": "`cosine`",
            "timm": "`CosineLRScheduler` with `warmup_t`",
            "optax": "`warmup_cosine_decay_schedule`",
        },
        papers=("warmup", "sgdr"),
    ),
    Entry(
        "PolynomialWithWarmupScheduler",
        "PolynomialWithWarmup('10ba', power=2)",
        elsewhere={"Transformers": '`"polynomial"`'},
        papers=("warmup", "deeplab"),
    ),
    Entry(
        "WSDScheduler",
        "WSD('10ba', t_decay='0.2dur', decay_shape='1-sqrt')",
        elsewhere={
            "Transformers": '`"warmup_stable_decay"`',
            "Megatron": "`WSD`",
            "torchtitan": "`[lr_scheduler]` of its configuration",
        },
        papers=("minicpm", "cooldown"),
    ),
    Entry(
        "OneCycleScheduler",
        "OneCycle()",
        elsewhere={"PyTorch": "`OneCycleLR`", "optax": "`cosine_onecycle_schedule`"},
        papers=("superconvergence",),
    ),
    Entry(
        "CyclicScheduler",
        "Cyclic('12ba', '13ba', gamma=0.7)",
        elsewhere={"PyTorch": "`CyclicLR`"},
        papers=("clr",),
    ),
    Entry(
        "InverseSquareRootWithWarmupScheduler",
        "InverseSquareRootWithWarmup('10ba', t_cooldown='20ba')",
        elsewhere={
            "Transformers": '`"inverse_sqrt"`',
            "llm-foundry": "`inv_sqrt_with_warmup`",
        },
        papers=("noam", "scaling vit"),
    ),
]

OPERATIONS = [
    Entry(
        "after_warmup",
        "Step('30ba', gamma=0.5).after_warmup('10ba', start=0.1, shape='cosine')",
        elsewhere={
            "PyTorch": "`SequentialLR` of `LinearLR` and another",
            "optax": "`join_schedules`",
        },
        papers=("warmup",),
    ),
    Entry(
        "until",
        "CosineAnnealing(alpha_f=0.1).until('0.6dur', Linear(), carry=True)",
        elsewhere={"PyTorch": "`SequentialLR`", "optax": "`join_schedules`"},
    ),
    Entry(
        "cooldown",
        "InverseSquareRoot('20ba').after_warmup('10ba').cooldown('70ba', shape='1-sqrt')",
        papers=("cooldown",),
    ),
    Entry("clip", "CosineAnnealing().clip(low=0.2, high=0.8)"),
    Entry("repeat", "Piecewise([('0dur', 1), ('1dur', 0.2)], 'cosine').repeat('25ba')"),
    Entry("advance", "LinearWithWarmup('20ba').advance('10ba')"),
    Entry("delay", "LinearWithWarmup('20ba').delay('10ba')"),
]
PRODUCT = Entry(
    "product",
    "(CosineAnnealing() * Step('25ba', gamma=0.8)) * 0.9 + 0.1",
    elsewhere={"PyTorch": "`ChainedScheduler`", "Composer": "a list of schedulers, as documented"},
)
