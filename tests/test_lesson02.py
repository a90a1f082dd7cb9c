"""Exercícios do caderno 02: outras maneiras certas de responder."""

import numpy as np
import pytest
import torch

from attention_lab import check


def context_by_loop(parts, values):
    total = sum(float(p) for p in parts)
    context = [0.0] * values.shape[1]
    for part, vector in zip(parts, values):
        for c in range(values.shape[1]):
            context[c] += float(part) / total * float(vector[c])
    return context


def rows_by_loop(parts, values):
    weights = torch.stack([row / row.sum() for row in parts])
    return torch.stack([row @ values for row in weights]), weights


def recipe_by_areas(values, target):
    """O peso de um canto é a área do triângulo oposto a ele."""

    def area(a, b, c):
        return ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])) / 2

    a, b, c = values
    areas = [area(target, b, c), area(a, target, c), area(a, b, target)]
    return torch.stack(areas) / area(a, b, c)


@pytest.mark.parametrize(
    "exercise_id, answer",
    [
        ("2.1", (0.6, 0.8)),
        ("2.1", [0.6, 0.8]),
        ("2.1", torch.tensor([0.6, 0.8])),
        ("2.1", np.array([0.6, 0.8])),
        ("2.2", context_by_loop),
        (
            "2.2",
            lambda parts, values: torch.einsum("t,td->d", parts, values) / sum(parts),
        ),
        ("2.2", lambda parts, values: np.average(values, axis=0, weights=parts)),
        (
            "2.2",
            lambda parts, values: values.double().T @ (parts / parts.sum()).double(),
        ),
        ("2.3", rows_by_loop),
        ("2.3", lambda p, v: [p / p.sum(1)[:, None] @ v, p / p.sum(1)[:, None]]),
        ("2.3", lambda p, v: ((p @ v) / p.sum(-1, keepdim=True), (p.T / p.sum(-1)).T)),
        ("2.4", lambda parts, t: torch.softmax(parts.log() / t, -1)),
        (
            "2.4",
            lambda parts, t: (
                (parts / parts.max()) ** (1 / t)
                / ((parts / parts.max()) ** (1 / t)).sum()
            ),
        ),
        (
            "2.4",
            lambda parts, t: [
                float(p) ** (1 / t) / sum(float(q) ** (1 / t) for q in parts)
                for p in parts
            ],
        ),
        (
            "2.4",
            lambda p, t: (p / p.sum()) ** (1 / t) / ((p / p.sum()) ** (1 / t)).sum(),
        ),
        ("2.5", recipe_by_areas),
        (  # a equação da soma primeiro, nos dois lados
            "2.5",
            lambda v, t: (
                torch.linalg.inv(torch.cat([torch.ones(1, 3), v.T]))
                @ torch.cat([torch.ones(1), t])
            ),
        ),
        (
            "2.5",
            lambda v, t: np.linalg.solve(
                np.vstack([v.numpy().T, np.ones(3)]), np.append(t.numpy(), 1)
            ),
        ),
    ],
)
def test_right_in_another_way(exercise_id, answer):
    result = check(exercise_id, answer)
    assert result, result


# --- os enganos, escritos como quem estuda os escreve ---------------------------------


def returns_in_the_loop(parts, values):
    weights = parts / parts.sum()
    total = torch.zeros(values.shape[1])
    for weight, vector in zip(weights, values):
        total = total + weight * vector
        return total


def forgets_the_total(parts, values):
    weights = parts / parts.sum()
    for weight, vector in zip(weights, values):
        total = weight * vector
    return total


def divides_the_output_too(parts, values):
    weights = parts / parts.sum()
    return weights @ values / weights.sum(-1, keepdim=True), weights


def by_norm(parts, values):
    weights = parts / parts.norm(dim=-1, keepdim=True)
    return weights @ values, weights


def by_norm_of_the_table(parts, values):
    weights = parts / parts.norm()
    return weights @ values, weights


def floor_temperature(parts, temperature):
    powers = parts ** (1 // temperature)
    return powers / powers.sum()


def farther_is_heavier(values, target):
    distances = ((values - target) ** 2).sum(-1).sqrt()
    return distances / distances.sum()


def by_dot_products(values, target):
    scores = values @ target
    return scores / scores.sum()


@pytest.mark.parametrize(
    "exercise_id, answer, mistake, words",
    [
        ("2.1", (0.75, 1.0), "divided-by-four", "seção 2"),
        ("2.1", ((0, 6), (0, 8)), "pairs-with-comma", "`(0.6, 0.8)`"),
        ("2.2", returns_in_the_loop, "first-product", "`return`"),
        ("2.2", forgets_the_total, "last-product", "total + peso * vetor"),
        ("2.2", lambda p, v: p // p.sum() @ v, "all-zero", "`//`"),
        ("2.2", lambda p, v: torch.softmax(p, 0) @ v, "softmax", "não são negativas"),
        ("2.3", divides_the_output_too, "only-the-output", "só a saída"),
        ("2.3", by_norm, "norm", "`norm` por `sum`"),
        ("2.3", by_norm_of_the_table, "norm-of-the-table", "tabela inteira"),
        (
            "2.4",
            lambda p, t: p ** (1 / t) / max(p ** (1 / t)),
            "divided-by-max",
            "soma",
        ),
        ("2.4", lambda p, t: p ** (1 / t) / len(p), "divided-by-T", "soma"),
        ("2.4", floor_temperature, "floor", "`1 / temperature`"),
        ("2.4", lambda p, t: p / p.sum() / t, "weights-over-temperature", "potência"),
        ("2.4", lambda p, t: (p / p.sum()) ** t, "too-early-inverted", "dois enganos"),
        ("2.5", farther_is_heavier, "distance", "mais longe"),
        ("2.5", by_dot_products, "dot-products", "dividiu pela soma"),
    ],
)
def test_common_mistakes_are_recognised(exercise_id, answer, mistake, words):
    result = check(exercise_id, answer)
    assert not result and result.mistake == mistake
    assert words in repr(result)


def test_diagnosis_reads_rows_in_a_list():
    """Quem devolve os pesos como lista de linhas também recebe os números."""

    def answer(parts, values):
        return parts @ values, list(parts)

    result = check("2.3", answer)
    assert result.mistake == "not-divided"
    assert "cada uma deve somar 1" in repr(result)
