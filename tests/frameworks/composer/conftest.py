"""Composer and timm import torchvision, whose operators pip has for PyTorch with CUDA only.

With a CPU build of PyTorch they are missing. The Python part of torchvision can be imported as soon
as they are declared; nothing here calls them.
"""

import torch

if not hasattr(torch.ops.torchvision, "nms"):
    _declared = torch.library.Library("torchvision", "DEF")
    for _name in ("nms", "qnms"):
        _declared.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
