"""The numbers worked out in the math guides, recomputed."""

import math

import numpy as np

from tests.corpus.guides import says


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def bits(*probabilities: float) -> float:
    return -sum(p * math.log2(p) for p in probabilities)


def test_dot_product_cosine_and_projection() -> None:
    a, b = np.array([1, 2, 2]), np.array([2, 1, 2])
    assert a @ b == 8 and a @ a == b @ b == 9
    assert round(a @ b / 9, 3) == 0.889
    says("math/linear-algebra", "cosine similarity is 8/9 = 0.889", "gives 8/9 of (1, 2, 2)")


def test_matrix_product_costs_and_the_order_of_multiplication() -> None:
    assert 2 * 1000**3 == 2_000_000_000 and 2 * 2 * 1000**2 == 4_000_000
    says("math/linear-algebra", "takes about 2 billion", "costs about 4 million FLOPs, and `(AB)v` costs about 2 billion")


def test_eigenvalues_of_the_two_by_two_matrices() -> None:
    matrix = np.array([[4, 1], [2, 3]])
    assert sorted(np.linalg.eigvals(matrix).round(9)) == [2, 5]
    assert (matrix @ [1, 1]).tolist() == [5, 5] and (matrix @ [1, -2]).tolist() == [2, -4]
    assert np.linalg.eigvalsh([[2, 1], [1, 2]]).round(9).tolist() == [1, 3]
    assert np.linalg.eigvalsh([[1, 2], [2, 1]]).round(9).tolist() == [-1, 3]
    says("math/linear-algebra", "the eigenvalues are 5 and 2", "eigenvalues 3 and 1", "eigenvalues 3 and −1")


def test_eigenvectors_of_the_symmetric_two_by_two_matrix() -> None:
    matrix = np.array([[2, 1], [1, 2]])
    assert (matrix @ [1, 1]).tolist() == [3, 3] and (matrix @ [1, -1]).tolist() == [1, -1]
    values, vectors = np.linalg.eigh(matrix)
    assert np.allclose(np.abs(vectors), 1 / math.sqrt(2)) and round(values[1] / values.sum(), 9) == 0.75
    says("math/linear-algebra", "eigenvectors (1, 1)/√2 for eigenvalue 3 and (1, −1)/√2 for eigenvalue 1")
    says("math/linear-algebra", "the matrix sends (1, 1) to (3, 3) and (1, −1) to itself", "explains 3/4 = 75% of the variance")


def test_conditioning_of_two_features_with_correlation_0_99() -> None:
    correlation = np.array([[1, 0.99], [0.99, 1]])
    assert round(float(np.linalg.cond(correlation))) == 199
    assert round(1 / (1 - 0.99**2)) == 50
    assert math.isclose(0.1**10, 1e-10)
    says("math/linear-algebra", "condition number is 199 and the variance inflation factor is about 50", "determinant 1e-10")


def test_svd_of_the_two_by_two_matrix_by_hand() -> None:
    matrix = np.array([[3, 0], [4, 5]])
    assert (matrix.T @ matrix).tolist() == [[25, 20], [20, 25]]
    assert np.linalg.svd(matrix)[1].round(2).tolist() == [6.71, 2.24]
    for right, left, value in (((1, 1), (1, 3), 45), ((1, -1), (3, -1), 5)):
        assert np.allclose(matrix @ right / math.sqrt(2 * value), np.array(left) / math.sqrt(10))
    assert round(abs(np.linalg.det(matrix))) == 15
    says("math/svd-and-pca", "√45 = 6.71 and √5 = 2.24", "(1, 3)/√10", "(3, −1)/√10")


def test_pca_by_hand_on_four_points() -> None:
    centred = np.array([[5, 4], [1, 0], [4, 1], [2, 3]]) - [3, 2]
    assert (centred.T @ centred).tolist() == [[10, 6], [6, 10]]
    assert (centred @ [1, 1] / math.sqrt(2)).round(2).tolist() == [2.83, -2.83, 0, 0]
    assert round(10 / 3, 2) == 3.33 and round(16 / 3, 2) == 5.33 and round(4 / 3, 2) == 1.33
    says("math/svd-and-pca", "16/3 = 5.33 and 4/3 = 1.33", "the scores are 2.83, −2.83, 0 and 0", "(0.71, −0.71, 0, 0)")


def test_unscaled_income_dominates_and_low_rank_saves_memory() -> None:
    assert 20_000**2 / (20_000**2 + 10**2) > 0.999999
    factors = 50 * 1_010_000
    assert factors == 50_500_000 and round(1_000_000 * 10_000 / factors) == 198
    says("math/svd-and-pca", "more than 99.9999%", "50 × 1,010,000 = 50.5 million, about 198 times fewer")


def test_gradient_at_a_point_and_the_chain_rule_on_one_weight() -> None:
    assert (2 * 1 + 3 * 2, 3 * 1) == (8, 3)
    p = sigmoid(1)
    gradient = 2 * (p - 1) * p * (1 - p) * 2
    assert [round(v, 4) for v in (p, (p - 1) ** 2, 2 * (p - 1), p * (1 - p), gradient)] == [
        0.7311,
        0.0723,
        -0.5379,
        0.1966,
        -0.2115,
    ]
    assert round(0.5 - gradient, 4) == 0.7115 and round((sigmoid(2 * (0.5 - gradient)) - 1) ** 2, 4) == 0.0377
    assert round((p - 1) * 2, 4) == -0.5379
    says(
        "math/gradients-and-chain-rule",
        "is (8, 3)",
        "p = σ(1) = 0.7311, and L = 0.0723",
        "= −0.2115",
        "w = 0.7115 and lowers the loss to 0.0377",
        "the weight gradient is −0.5379",
    )


def test_cross_entropy_beats_squared_error_when_confidently_wrong() -> None:
    squared = 2 * (0.01 - 1) * 0.01 * 0.99
    assert round(squared, 4) == -0.0196 and 50 < 0.99 / -squared < 51
    says("math/gradients-and-chain-rule", "has −0.0196, about 50 times smaller")


def test_softmax_gradient_and_saturated_sigmoid() -> None:
    p = np.exp([2, 1, 0]) / np.exp([2, 1, 0]).sum()
    assert p.round(3).tolist() == [0.665, 0.245, 0.09] and round(p[1] - 1, 3) == -0.755
    assert round(sigmoid(5) * (1 - sigmoid(5)), 4) == 0.0066
    assert 0.9e-12 < 0.25**20 < 1e-12
    says("math/gradients-and-chain-rule", "(0.665, −0.755, 0.090)", "about 0.0066", "about 1e-12")


def test_steps_per_epoch_and_convergence_factors() -> None:
    assert math.ceil(50_000 / 128) == 391
    plain, momentum = 99 / 101, 9 / 11
    assert round(plain, 3) == 0.98 and round(math.log(10) / -math.log(plain)) == 115
    assert round(momentum, 3) == 0.818 and round(math.log(10) / -math.log(momentum), 1) == 11.5
    says("math/gradient-descent", "391 updates", "0.980", "about 115 steps", "a factor of 0.818 per step, about 11.5 steps")


def test_entropy_values() -> None:
    assert round(bits(0.9, 0.1), 3) == 0.469 and bits(*[1 / 8] * 8) == 3
    assert round(1 / math.log(2), 3) == 1.443
    assert [round(-math.log(p), 3) for p in (0.9, 0.01)] == [0.105, 4.605]
    assert [round(math.log(c), 3) for c in (2, 10, 1000)] == [0.693, 2.303, 6.908]
    says(
        "math/information-theory",
        "0.469 bits",
        "one nat is 1.443 bits",
        "costs 0.105 nats",
        "costs 4.605 nats",
        "2.303 for ten and 6.908",
    )


def test_cross_entropy_terms_of_the_coin() -> None:
    first, second = -0.5 * math.log2(0.9), -0.5 * math.log2(0.1)
    assert (round(first, 3), round(second, 3), round(first + second, 3)) == (0.076, 1.661, 1.737)
    assert round(1 - bits(0.9, 0.1), 3) == 0.531
    says("math/information-theory", "0.076 + 1.661 = 1.737 bits", "1.737 − 1 = 0.737 bits", "= 0.531 bits")


def test_mutual_information_of_a_square_and_information_gain() -> None:
    assert round(bits(1 / 3, 2 / 3), 3) == 0.918
    assert round(bits(0.8, 0.2), 3) == 0.722 and round(1 - bits(0.8, 0.2), 3) == 0.278
    says(
        "math/information-theory",
        "mutual information is 0.918 bits",
        "each child has 0.722 bits",
        "information gain is 0.278 bits",
    )


def test_perplexity_base_rate_loss_and_psi() -> None:
    assert round(math.exp(3), 1) == 20.1 and round(math.log(50_000), 2) == 10.82
    assert round(bits(0.05, 0.95) * math.log(2), 3) == 0.199
    live, train = np.array([0.2, 0.3, 0.5]), np.array([0.3, 0.3, 0.4])
    both_ways = (live * np.log(live / train)).sum() + (train * np.log(train / live)).sum()
    assert math.isclose(((live - train) * np.log(live / train)).sum(), both_ways)
    says(
        "math/information-theory",
        "perplexity of 20.1",
        "loss of 10.82 nats",
        "that is 0.199 nats",
        "sum of KL divergences in both directions",
    )


def test_a_two_weight_network_has_a_loss_that_is_not_convex() -> None:
    def loss(first: float, second: float) -> float:
        return (1 - first * second) ** 2

    assert loss(1, 1) == loss(-1, -1) == 0 and loss(0, 0) == 1
    hessian = np.array([[0.0, -2.0], [-2.0, 0.0]])  # of 1 - 2ab + (ab)², at the origin
    assert np.linalg.eigvalsh(hessian).tolist() == [-2, 2]
    assert math.factorial(10) == 3_628_800
    says("math/gradient-descent", "10! = 3,628,800", "have loss 0", "has loss 1", "eigenvalues 2 and −2")
