"""Exercícios do caderno 04: outras maneiras certas de responder, e respostas tortas."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import attention_lab
from attention_lab import check
from attention_lab.exercises import lesson04
from attention_lab.exercises.engine import UNSOLVED


def attention_by_loop(x, W_q, W_k, W_v):
    """Uma consulta de cada vez, com listas."""
    if x.dim() == 3:
        pairs = [attention_by_loop(one, W_q, W_k, W_v) for one in x]
        return tuple(torch.stack(part) for part in zip(*pairs))
    rows = []
    for one in x:
        scores = [(one @ W_q) @ (other @ W_k) / W_k.shape[1] ** 0.5 for other in x]
        exps = torch.stack(scores).exp()
        rows.append(exps / exps.sum())
    weights = torch.stack(rows)
    return torch.stack(
        [sum(w * (t @ W_v) for w, t in zip(r, x)) for r in rows]
    ), weights


def attention_by_einsum(x, W_q, W_k, W_v):
    q, k, v = (torch.einsum("...td,de->...te", x, W) for W in (W_q, W_k, W_v))
    scores = torch.einsum("...id,...jd->...ij", q, k) * k.shape[-1] ** -0.5
    weights = F.softmax(scores, dim=-1)
    return torch.einsum("...ij,...jd->...id", weights, v), weights


def attention_by_product(x, W_q, W_k, W_v):
    """O produto W_q W_kᵀ primeiro, e as duas raízes repartidas."""
    weights = torch.softmax(x @ (W_q @ W_k.mT / math.sqrt(W_q.shape[1])) @ x.mT, -1)
    return weights @ x @ W_v, weights


def attention_in_numpy(q, k, v):
    q, k, v = (t.double().numpy() for t in (q, k, v))
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    exps = np.exp(scores - scores.max(-1, keepdims=True))
    weights = exps / exps.sum(-1, keepdims=True)
    return weights @ v, weights


def attention_by_sdpa(q, k, v):
    eye = torch.eye(k.shape[-2]).expand(*k.shape[:-1], k.shape[-2])
    return [
        F.scaled_dot_product_attention(q, k, v),
        F.scaled_dot_product_attention(q, k, eye),
    ]


def head_with_one_product():
    """d_k = 4, com W_k identidade: a consulta pede nas próprias colunas da ficha."""
    W_q = torch.zeros(4, 4)
    W_q[1, 0], W_q[3, 3] = 40.0, 25.0
    return W_q, torch.eye(4)


def head_in_lists():
    return [[0, 0], [20, 0], [0, 0], [0, 12]], [[1, 0], [-3, 0], [0, 0], [0, 1]]


def head_turned():
    W_q, W_k = head_with_one_product()
    turn, _ = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator()))
    return (W_q @ turn).numpy(), (W_k @ turn).numpy()


@pytest.mark.parametrize(
    "exercise_id, answer",
    [
        ("4.1", [torch.Size([2, 5, 7]), torch.Size([2, 5, 3])]),
        ("4.1", ([2, 5, 7], [2, 5, 3])),
        ("4.2", 0.104),
        ("4.2", torch.tensor(0.1043)),
        ("4.2", np.exp(0.7071) / np.exp([2.8284, -0.7071, 0.7071]).sum()),
        ("4.3", attention_by_loop),
        ("4.3", attention_by_einsum),
        ("4.3", attention_by_product),
        ("4.4", attention_in_numpy),
        ("4.4", attention_by_sdpa),
        ("4.4", attention_lab.attention_loop),
        ("4.5", head_with_one_product),
        ("4.5", head_in_lists),
        ("4.5", head_turned),
    ],
)
def test_right_in_another_way(exercise_id, answer):
    result = check(exercise_id, answer)
    assert result, result


@pytest.mark.parametrize(
    "exercise_id, answer, mistake",
    [
        ("4.1", [[2, 7, 5], [2, 7, 3]], "all-transposed"),
        ("4.1", [(2, 5, 7), (2, 5, 7)], "output-like-weights"),
        ("4.2", torch.tensor([0.8703, 0.0254, 0.1043]), "whole-row"),
        ("4.2", 0.107, "no-telhado"),
        ("4.2", 0.097, "lost-sign"),
        ("4.2", 0.033, "scale-after"),
        ("4.2", 0.284, "raw-query"),
        ("4.1", (2, 5, 3), "only-output"),
        ("4.1", [(2, 5, 7), (5, 3)], "output-without-batch"),
        ("4.1", [[5, 7], [2, 5, 3]], "weights-without-batch"),
    ],
)
def test_a_wrong_value_gets_its_own_diagnosis(exercise_id, answer, mistake):
    assert check(exercise_id, answer).mistake == mistake


def test_the_power_comes_before_the_divisions():
    def answer(x, W_q, W_k, W_v):
        q, k, v = x @ W_q, x @ W_k, x @ W_v
        weights = torch.softmax(q @ k.mT / k.shape[-1] ** 1 / 2, -1)
        return weights @ v, weights

    assert check("4.3", answer).mistake == "precedence"


def test_a_lost_axis_in_the_sum_is_recognised():
    def answer(x, W_q, W_k, W_v):
        q, k, v = x @ W_q, x @ W_k, x @ W_v
        exps = torch.exp(q @ k.transpose(-2, -1) / math.sqrt(k.shape[-1]))
        weights = exps / exps.sum(dim=-1)
        return weights @ v, weights

    assert check("4.3", answer).mistake == "no-keepdim"


@pytest.mark.parametrize(
    "answer, mistake, words",
    [
        (lambda: torch.zeros(4, 2), "not-a-pair", "return W_q, W_k"),
        (lambda: (torch.eye(4, 2), torch.eye(2, 4)), "wrong-shape", "(4, d_k)"),
        (lambda: (torch.eye(4, 2), torch.eye(4, 3)), "wrong-shape", "(8, 4)"),
        (lambda: (torch.ones(4), torch.ones(4)), "wrong-shape", "x @ W_q"),
        (lambda x: x, "raised", "TypeError"),
        (
            lambda: (torch.full((4, 2), torch.nan), torch.eye(4, 2)),
            "refused",
            "não são números",
        ),
        (lambda: (torch.ones(4, 2), torch.ones(4, 2)), "refused", 'case("4.5", 1)'),
        (lambda: (torch.ones(4, 2), torch.ones(4, 2)), "refused", "seção 6"),
    ],
)
def test_a_head_that_does_not_fit_gets_a_message(answer, mistake, words):
    result = check("4.5", answer)
    assert not result and result.mistake == mistake and words in repr(result)


def test_each_sentence_has_one_animate_that_agrees():
    for code in lesson04.SENTENCES:
        x = lesson04._sheet(code)
        assert ((x[:, 0] == 1) & (x[:, 3] == x[-1, 3])).sum() == 1, code
        assert (x[:, 0] == 1).sum() > 1 and x[-1, 1] == x[:, 1].sum() == 1


@pytest.mark.parametrize(
    "given", [..., (..., ...), (None, None), (torch.zeros(4, 2), ...)]
)
def test_a_head_not_written_is_not_solved(given):
    assert check("4.5", lambda: given).status == UNSOLVED


OFFER = [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 1.0]]  # (animado, número)
PLACES = [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0]]  # (animado, posição)


@pytest.mark.parametrize(
    "verb, number, offer, mistake",
    [
        ([7.0, 0.0], [0.0, 0.0], OFFER, "only-animate"),
        ([25.0, -4.0], [0.0, 0.0], PLACES, "first-animate"),
        ([80.0, 5.0], [0.0, 0.0], PLACES, "last-animate"),
        ([0.0, 0.0], [0.0, 9.0], OFFER, "only-number"),
        ([3.0, 0.0], [0.0, 2.5], OFFER, "weak"),
        ([4.0, 0.0], [0.0, 4.0], OFFER, "weak"),
        ([4.0, 0.0], [0.0, 5.0], OFFER, "weak"),
        ([10.0, 0.0], [0.0, 2.0], OFFER, "weak"),
        ([20.0, 0.0], [0.0, 2.0], OFFER, "weak"),
        ([12.0, 0.0], [0.0, -15.0], OFFER, "disagreeing"),
        ([9.0, 8.0], [0.0, 0.0], OFFER, "always-plural"),
        ([9.0, -8.0], [0.0, 0.0], OFFER, "always-singular"),
        ([0.0, 0.0], [0.0, 0.0], OFFER, "nobody-asks"),
        (
            [8.0, 0.0],
            [8.0, 0.0],
            [[1.0, 0.0], [0.0, 0.0], [0.0, 0.0], [1.0, 0.0]],
            "one-column",
        ),
    ],
)
def test_a_mistaken_head_is_recognised_whatever_its_strength(
    verb, number, offer, mistake
):
    W_q = torch.zeros(4, 2)
    W_q[1], W_q[3] = torch.tensor(verb), torch.tensor(number)
    assert check("4.5", lambda: (W_q, torch.tensor(offer))).mistake == mistake


@pytest.mark.parametrize("value", [0.103, 0.106])
def test_a_neighbour_of_the_right_number_is_not_right(value):
    assert not check("4.2", value)


def test_matrices_on_the_other_side_get_the_number_of_miou():
    x = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    W_q = torch.tensor([[0.0, -1.0], [1.0, 1.0]])
    W_k = torch.tensor([[1.0, 1.0], [-1.0, 0.0]])
    scores = (W_q @ x[1]) @ (W_k @ x.T) / math.sqrt(2)
    result = check("4.2", scores.softmax(-1)[2])
    assert result.mistake == "row-of-miou" and "W·x" in repr(result)


# A função do caderno: um nome de quem estuda, e mesmo assim não vale no 4.3.
def attention(q, k, v):
    weights = torch.softmax(q @ k.mT / math.sqrt(k.shape[-1]), -1)
    return weights @ v, weights


@pytest.mark.parametrize(
    "answer",
    [
        lambda x, *W: attention_lab.attention(*(x @ w for w in W)),
        lambda x, W_q, W_k, W_v: attention(x @ W_q, x @ W_k, x @ W_v),
        lambda x, W_q, W_k, W_v: (
            F.scaled_dot_product_attention(x @ W_q, x @ W_k, x @ W_v),
            torch.softmax((x @ W_q) @ (x @ W_k).mT / math.sqrt(W_k.shape[-1]), -1),
        ),
    ],
    ids=["pacote", "caderno", "pytorch"],
)
def test_a_ready_made_attention_is_not_an_answer(answer):
    assert check("4.3", answer).mistake == "ready-made"


def written(divisor=None, mix=None, given=None, dim=-1):
    """Uma resposta ao 4.3 com um engano, escrita como a solução."""

    def answer(x, W_q, W_k, W_v):
        q, k, v = x @ W_q, x @ W_k, x @ W_v
        size = math.sqrt(k.shape[-1]) if divisor is None else divisor(k)
        scores = q @ k.transpose(-2, -1) / size
        weights = scores if dim is None else torch.softmax(scores, dim=dim)
        output = weights @ v if mix is None else mix(weights, v)
        return output, scores if given == "scores" else weights

    return answer


@pytest.mark.parametrize(
    "answer, mistake",
    [
        (written(lambda k: math.sqrt(k.shape[1])), "sqrt-axis-1"),
        (written(lambda k: math.sqrt(len(k[0]))), "sqrt-axis-1"),
        (written(lambda k: math.sqrt(2)), "sqrt-2"),
        (written(lambda k: math.sqrt(4)), "constant"),
        (written(lambda k: k.shape[-1] ** 1 / 2), "half"),
        (written(given="scores"), "scores-for-weights"),
        (written(mix=lambda w, v: w.mT @ v), "transposed-mix"),
        (written(dim=None), "no-softmax"),
        (written(lambda k: 1, dim=None), "no-softmax-unscaled"),
        (written(lambda k: 1, dim=-2), "columns-unscaled"),
    ],
)
def test_a_mistake_written_by_a_student_is_recognised(answer, mistake):
    assert check("4.3", answer).mistake == mistake


@pytest.mark.parametrize(
    "size, dim, mistake",
    [
        (lambda q, k: q.shape[1], -1, "sqrt-axis-1-of-q"),
        (lambda q, k: k.shape[1], -1, "sqrt-axis-1"),
        (lambda q, k: k.shape[-1], 1, "axis-1"),
    ],
)
def test_a_mended_function_with_a_new_mistake_is_recognised(size, dim, mistake):
    def answer(q, k, v):
        weights = torch.softmax(q @ k.mT / math.sqrt(size(q, k)), dim)
        return weights @ v, weights

    assert check("4.4", answer).mistake == mistake
