"""The numbers worked out in the deep-learning guides, recomputed."""

import itertools
import math

import numpy as np
import numpy.typing as npt

from tests.corpus.guides import says

AREA = "deep-learning/"


def softmax(logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
    odds: npt.NDArray[np.float64] = np.exp(np.asarray(logits, dtype=float))
    share: npt.NDArray[np.float64] = odds / odds.sum()
    return share


def conv_output(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    return (size + 2 * padding - kernel) // stride + 1


def test_two_relu_units_compute_exclusive_or() -> None:
    for first, second in ((0, 0), (0, 1), (1, 0), (1, 1)):
        total = first + second
        assert max(total, 0) - 2 * max(total - 1, 0) == first ^ second
    says(AREA + "neurons-and-backpropagation", "h1 − 2·h2 equals XOR on all four inputs")


def test_parameters_and_flops_of_a_dense_network() -> None:
    widths = [784, 256, 128, 10]
    weights = [n * m for n, m in itertools.pairwise(widths)]
    layers = [weight + m for weight, m in zip(weights, widths[1:], strict=True)]
    assert layers == [200_960, 32_896, 1_290] and sum(layers) == 235_146
    assert round(2 * sum(weights), -4) == 470_000 and round(layers[0] / sum(layers), 2) == 0.85
    says(AREA + "neurons-and-backpropagation", "235,146", "about 470,000", "85% of the parameters")


def test_backpropagation_by_hand() -> None:
    x, hidden_weights, output_weights = np.array([1, 2]), np.array([[0.5, 0.25], [-1, 0.25]]), np.array([2, 1])
    sums = hidden_weights @ x
    assert sums.tolist() == [1, -0.5]
    hidden = np.maximum(sums, 0)
    p = 1 / (1 + math.exp(-(output_weights @ hidden - 1)))
    assert round(p, 3) == 0.731 and round(-math.log(1 - p), 3) == 1.313
    gradients = np.outer(p * output_weights * (sums > 0), x)
    assert gradients.round(3).tolist() == [[1.462, 2.924], [0, 0]]
    says(AREA + "neurons-and-backpropagation", "−ln(1 − p) = 1.313", "1.462 × (1, 2) = (1.462, 2.924)")


def test_products_of_derivatives_vanish_and_explode() -> None:
    assert 0.9e-6 < 0.25**10 < 1e-6 and round(0.9**50, 3) == 0.005 and round(1.5**50 / 1e8) == 6
    says(
        AREA + "activations-and-initialisation",
        "0.25^10, about 1e-6",
        "leaves 0.5% after 50 layers",
        "about 6 × 10^8 over 50 layers",
    )


def test_initial_scales() -> None:
    assert math.sqrt(2 / 512) == 0.0625 and round(math.sqrt(2 / 768), 3) == 0.051
    assert round(math.log(0.05 / 0.95), 2) == -2.94
    assert 3e7 < math.sqrt(0.5) ** -50 < 3.5e7
    says(
        AREA + "activations-and-initialisation",
        "√(2/512) = 0.0625",
        "√(2/768) = 0.051",
        "−2.94 for 5% positives",
        "about 30 million times",
    )


def test_gelu_limits() -> None:
    z = np.linspace(-5, 5, 10_001)
    gelu = z * np.array([0.5 * (1 + math.erf(value / math.sqrt(2))) for value in z])
    assert round(gelu.min(), 2) == -0.17 and round(np.gradient(gelu, z).max(), 2) == 1.13
    says(AREA + "activations-and-initialisation", "about [−0.17, ∞)", "about 1.13")


def test_batch_normalisation_of_four_values_and_its_running_average() -> None:
    values = np.array([1, 2, 3, 6])
    assert values.mean() == 3 and values.var() == 3.5
    assert ((values - 3) / math.sqrt(3.5)).round(2).tolist() == [-1.07, -0.53, 0, 1.6]
    assert round(0.9**10, 2) == 0.35 and round(0.9**50, 3) == 0.005
    says(AREA + "normalisation-and-dropout", "−1.07, −0.53, 0 and 1.60", "35% after 10 steps and 0.5% after 50")


def test_first_adam_step_with_and_without_bias_correction() -> None:
    m, v = 0.1 * 4, 0.001 * 16
    assert math.isclose((m / 0.1) / math.sqrt(v / 0.001), 1) and round(m / math.sqrt(v), 2) == 3.16
    says(AREA + "optimisers-and-learning-rates", "m = 0.1 × 4 = 0.4 and v = 0.001 × 16 = 0.016", "0.4/√0.016 = 3.16")


def test_batch_scaling_and_optimiser_memory() -> None:
    assert 0.1 * 1024 / 256 == 0.4 and math.sqrt(1024 / 256) == 2 and 1 / (1 - 0.9) > 9.99
    billion_parameters, float32 = 1, 4
    adam, sgd = 4 * float32 * billion_parameters, 3 * float32 * billion_parameters
    assert (2 * float32, adam, sgd) == (8, 16, 12)
    says(
        AREA + "optimisers-and-learning-rates",
        "a rate of 0.4 for SGD",
        "needs 8 GB",
        "the total is 16 GB",
        "momentum needs 12 GB",
    )


def test_convolution_output_sizes() -> None:
    assert conv_output(224, 7, 2, 3) == 112 and conv_output(56, 3, 1, 1) == 56 and 3 + 2 * (2 - 1) == 5
    says(AREA + "convolutional-networks", "floor(223/2) + 1 = 112", "covers 5 × 5")


def test_convolution_parameters_and_flops() -> None:
    weights = 3 * 3 * 64 * 128
    assert weights == 73_728 and weights + 128 == 73_856
    assert round(56 * 56 * weights / 1e6) == 231 and round(2 * 56 * 56 * weights / 1e6) == 462
    assert round(56 * 56 * 64 * 56 * 56 * 128 / 1e9, 1) == 80.6
    says(
        AREA + "convolutional-networks",
        "73,856 parameters",
        "231 million MACs, or 462 million FLOPs",
        "about 80.6 billion weights",
    )


def test_receptive_field_and_stacked_kernels() -> None:
    field, jump, fields = 1, 1, []
    for kernel, stride in ((7, 2), (3, 2), (3, 1)):
        field, jump = field + (kernel - 1) * jump, jump * stride
        fields.append(field)
    assert fields == [7, 11, 19] and round(1 - 27 / 49, 2) == 0.45
    assert 1 + sum(2**layer for layer in range(10)) == 1024
    says(AREA + "convolutional-networks", "11 + 2 × 4 = 19", "45% fewer", "ten layers with kernel 2 cover 1,024 steps")


def test_separable_bottleneck_and_vgg_layers() -> None:
    separable = 3 * 3 * 64 + 64 * 128
    assert separable == 8_768 and round(73_728 / separable, 1) == 8.4
    assert math.isclose(separable / 73_728, 1 / 128 + 1 / 9) and 256 * 64 == 16_384
    assert 7 * 7 * 512 == 25_088 and round(25_088 * 4096 / 1e6) == 103
    says(
        AREA + "convolutional-networks",
        "8,768 weights instead of 73,728, which is 8.4 times fewer",
        "16,384 weights",
        "= 103 million",
    )


def test_recurrent_memory_decay() -> None:
    assert round(0.9**100 * 1e5, 1) == 2.7 and round(1.1**100, -2) == 13_800 and round(0.99**100, 2) == 0.37
    assert round(1 / (1 + math.exp(-1)), 2) == 0.73
    says(AREA + "recurrent-networks", "about 2.7e-5", "about 13,800", "0.99 leaves 37%", "opens the gate to 0.73")


def test_recurrent_parameter_counts() -> None:
    block = 128 * (100 + 128) + 128
    assert (block, 3 * block, 4 * block, 4 * block + 4 * 128) == (29_312, 87_936, 117_248, 117_760)
    says(AREA + "recurrent-networks", "| 29,312 | 87,936 | 117,248 |", "512 more, 117,760")


def test_attention_by_hand_and_softmax_saturation() -> None:
    weights = softmax(np.array([1, 0]) / math.sqrt(2))
    assert weights.round(3).tolist() == [0.67, 0.33] and (10 * weights).round(2).tolist() == [6.7, 3.3]
    assert softmax([8, 0]).round(4).tolist() == [0.9997, 0.0003] and math.sqrt(64) == 8
    says(AREA + "attention-and-transformers", "weights 0.670 and 0.330", "(6.70, 3.30)", "weights of 0.9997 and 0.0003")


def test_transformer_parameters() -> None:
    d = 768
    block, tokens, positions = 12 * d**2, 50_257 * d, 1024 * d
    assert [round(n / 1e6, 2) for n in (4 * d**2, block)] == [2.36, 7.08]
    assert [round(n / 1e6, 1) for n in (12 * block, tokens, positions)] == [84.9, 38.6, 0.8]
    assert round((12 * block + tokens + positions) / 1e6) == 124
    says(
        AREA + "attention-and-transformers", "2.36 million", "84.9 million", "add 38.6 million", "the 124 million of GPT-2 small"
    )


def test_transformer_attention_cost() -> None:
    assert 6 * 768 == 4_608 and 4 * 4_608 * 768 == 24 * 768**2
    assert round(8192**2 * 12 * 2 / 1e9, 1) == 1.6 and round(math.log(50_257), 2) == 10.82
    says(AREA + "attention-and-transformers", "4,608 tokens at d = 768", "take 1.6 GB", "10.82 for 50,257 tokens")


def test_linear_probe_parameters() -> None:
    assert 2048 * 10 + 10 == 20_490
    says(AREA + "transfer-learning", "20,490 trainable parameters")


def test_number_formats() -> None:
    half = np.finfo(np.float16)
    assert half.max == 65_504 and round(float(half.tiny) * 1e5, 1) == 6.1 and round(float(half.eps), 5) == 0.00098
    assert round(2.0**-24 * 1e8) == 6 and round(2.0**-7, 4) == 0.0078 and float(np.finfo(np.float32).eps) < 1.2e-7
    says(AREA + "training-at-scale", "65,504", "6.1e-5", "0.00098", "0.0078 apart", "far below 6e-8")


def test_training_memory_and_its_shards() -> None:
    billions = 7
    assert billions * (2 + 2 + 12) == 112 and billions * 2 == 14
    shards = [billions * (4 + 12 / 8), billions * (2 + 14 / 8), billions * 16 / 8]
    assert shards == [38.5, 26.25, 14]
    says(AREA + "training-at-scale", "about 112 GB", "38.5 GB per GPU", "26.25 GB per GPU", "just before use: 14 GB per GPU")


def test_all_reduce_traffic_and_effective_batch() -> None:
    gigabytes = 2 * (8 - 1) / 8 * 2
    assert gigabytes == 3.5 and gigabytes / 100 == 0.035 and gigabytes / (10 / 8) == 2.8
    assert 8 * 16 * 4 == 512
    says(
        AREA + "training-at-scale",
        "8 × 16 × 4 = 512",
        "3.5 GB each per step: 35 ms at 100 GB/s",
        "2.8 s over 10-gigabit Ethernet",
    )


def test_pipeline_bubble_and_checkpoint_interval() -> None:
    assert [round(3 / (micro + 3), 2) for micro in (4, 16)] == [0.43, 0.16]
    assert round(math.sqrt(2 * 2 * 24 * 60)) == 76
    says(AREA + "training-at-scale", "4 micro-batches waste 43%, and with 16 micro-batches 16%", "about 76 minutes")


def test_training_time_and_cost() -> None:
    flops = 6 * 7e9 * 1e12
    seconds = flops / (0.4 * 989e12)
    hours = seconds / 3600
    assert math.isclose(flops, 4.2e22) and round(0.4 * 989) == 396 and round(seconds / 1e6) == 106
    assert round(hours, -2) == 29_500 and round(hours / 512) == 58 and round(2.5 * hours, -3) == 74_000
    says(AREA + "training-at-scale", "4.2e22 FLOPs", "about 29,500 GPU-hours", "about 58 hours", "about 74,000 dollars")


def test_losses_at_initialisation_and_the_double_softmax_floor() -> None:
    assert [round(math.log(c), 3) for c in (2, 10, 1000)] == [0.693, 2.303, 6.908] and round(math.log(50_000), 2) == 10.82
    assert round(-math.log(softmax([1] + [0] * 9)[0]), 3) == 1.461
    says(AREA + "net-that-will-not-train", "0.693 for two classes, 2.303 for ten, 6.908", "cannot go below 1.461")
