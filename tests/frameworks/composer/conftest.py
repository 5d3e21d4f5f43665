"""Composer and timm import torchvision, of which no build fits the CPU build of PyTorch that pip has.

Its operators are compiled against CUDA and missing here. Its Python needs them to be declared only.
"""

import torch

if not hasattr(torch.ops.torchvision, "nms"):
    _declared = torch.library.Library("torchvision", "DEF")
    for _name in ("nms", "qnms"):
        _declared.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
