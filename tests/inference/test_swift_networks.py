import pytest
import timm
import torch

from inference.backbones import open_backbone
from inference.backbones.folding import folded
from inference.backbones.precision import TOLERANCE, answers, enough_for, noise
from tests.inference.pictures import batch


def test_folding_changes_the_work_and_not_the_answer():
    network = timm.create_model("mobilenetv2_100", features_only=True, pretrained=False).eval()
    for norm in (one for one in network.modules() if isinstance(one, torch.nn.BatchNorm2d)):
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
    swift = folded(network)
    assert not any(isinstance(one, torch.nn.BatchNorm2d) for one in swift.modules())
    for ours, theirs in zip(swift(batch().float()), network(batch().float()), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-3 * float(theirs.abs().max()))


def test_a_network_that_runs_in_another_order_is_left_alone():
    class Backwards(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 3, 1)
            self.norm = torch.nn.BatchNorm2d(3)
            self.norm.running_mean.fill_(2.0)
            self.norm.running_var.fill_(9.0)

        def forward(self, pictures):
            return self.conv(self.norm(pictures))

    network = Backwards().eval()
    assert folded(network) is network


class Scaled(torch.nn.Module):
    """A convolution whose middle is ``scale`` times as large as its answer."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = torch.nn.Conv2d(3, 8, 3, bias=False)
        self.second = torch.nn.Conv2d(8, 8, 3, bias=False)
        self.scale = scale

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(pictures * self.scale)) / self.scale


def difference_of(first: torch.Tensor) -> torch.nn.Module:
    """A network that subtracts nearly equal numbers: few bits leave nothing of it."""

    class Difference(torch.nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            weight = first.expand(8, 3, 1, 1)
            return torch.conv2d(pictures, weight * 1.0001) - torch.conv2d(pictures, weight)

    return Difference()


@pytest.mark.parametrize(
    ("network", "kind"),
    [
        (Scaled(1.0), torch.float16),
        (Scaled(1e7), torch.bfloat16),  # beyond the range of float16
        (difference_of(torch.ones(1)), torch.float32),
    ],
)
def test_a_network_computes_in_the_fewest_bits_that_agree_with_all_of_them(network, kind):
    probe = noise(32, torch.device("cpu"))
    assert enough_for(network.eval(), probe) is kind
    exact = answers(network, probe, torch.float32)[0].detach()
    swift = answers(network, probe, kind)[0].detach()
    assert (swift - exact).norm() <= TOLERANCE * exact.norm()


def test_real_features_agree_in_the_bits_that_a_gpu_would_use(trained):
    network = open_backbone(trained)
    pictures = network.normalised(batch(128, 1))
    kind = enough_for(network.network, network.normalised(noise(128, torch.device("cpu"))))
    assert kind is torch.float16
    pairs = zip(
        answers(network.network, pictures, torch.float32),
        answers(network.network, pictures, kind),
        strict=True,
    )
    for exact, swift in pairs:
        assert (swift - exact).norm() <= TOLERANCE * exact.norm()
