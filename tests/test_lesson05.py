"""Exercícios do caderno 05: outras maneiras certas de responder."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from attention_lab import attention, attention_loop, check
from attention_lab.exercises import case


def row_by_loop(output, lengths):
    return torch.stack([output[b, n - 1] for b, n in enumerate(lengths.tolist())])


def row_by_gather(output, lengths):
    index = (lengths - 1)[:, None, None].expand(-1, 1, output.shape[-1])
    return output.gather(1, index)[:, 0]


def row_by_one_hot(output, lengths):
    chosen = F.one_hot(lengths - 1, output.shape[1]).to(output.dtype)
    return torch.einsum("bt,btd->bd", chosen, output)


def step_in_another_order(model, optimizer, x, target):
    optimizer.zero_grad()
    loss = (model(x) - target).square().mean()
    loss.backward()
    optimizer.step()
    return loss.item()


def step_that_forgets_at_the_end(model, optimizer, x, target):
    loss = F.mse_loss(model(x), target)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss


def step_by_hand(model, optimizer, x, target):
    """Sem o otimizador: subtrai lr vezes o gradiente."""
    loss = nn.MSELoss()(model(x), target)
    (gradient,) = torch.autograd.grad(loss, list(model.parameters()))
    with torch.no_grad():
        model.weight -= optimizer.param_groups[0]["lr"] * gradient
    return loss


class Fixed(nn.Module):
    attend = staticmethod(attention)

    def __init__(self, d_model, d_k, d_v):
        super().__init__()
        self.W_q = nn.Linear(d_model, d_k, bias=False)
        self.W_k = nn.Linear(d_model, d_k, bias=False)
        self.W_v = nn.Linear(d_model, d_v, bias=False)

    def forward(self, x):
        return self.attend(self.W_q(x), self.W_k(x), self.W_v(x))


class FixedLoop(Fixed):
    attend = staticmethod(attention_loop)


class FixedByHand(Fixed):
    def forward(self, x):
        q, k, v = self.W_q(x), self.W_k(x), self.W_v(x)
        scores = torch.einsum("btd,bsd->bts", q, k) / q.shape[-1] ** 0.5
        weights = scores.softmax(-1)
        return [weights @ v, weights]


class DoublePrecision(Fixed):
    def forward(self, x):
        q, k, v = (W(x).double() for W in (self.W_q, self.W_k, self.W_v))
        return attention(q, k, v)


@pytest.mark.parametrize(
    "exercise_id, answer",
    [
        ("5.1", 896),
        ("5.1", sum(p.numel() for p in Fixed(32, 8, 12).parameters())),
        ("5.1", torch.tensor(896)),
        ("5.2", row_by_loop),
        ("5.2", row_by_gather),
        ("5.2", row_by_one_hot),
        ("5.2", lambda output, lengths: list(row_by_loop(output, lengths))),
        ("5.3", step_in_another_order),
        ("5.3", step_that_forgets_at_the_end),
        ("5.3", step_by_hand),
        ("5.4", Fixed),
        ("5.4", FixedLoop),
        ("5.4", FixedByHand),
        ("5.4", DoublePrecision),
        ("5.5", (0.3, 0.1, 0.6)),
        ("5.5", np.array([0.3, 0.1, 0.6])),
        ("5.5", torch.tensor([0.3, 0.1, 0.6])),
        ("5.5", torch.tensor([[0.3, 0.1, 0.6]])),
        ("5.5", np.array([[0.3], [0.1], [0.6]])),
    ],
)
def test_right_in_another_way(exercise_id, answer):
    result = check(exercise_id, answer)
    assert result, result


class SharedProjection(Fixed):
    """Uma só matriz para consultas e chaves."""

    def forward(self, x):
        return attention(self.W_k(x), self.W_k(x), self.W_v(x))


def step_without_backward(model, optimizer, x, target):
    loss = F.mse_loss(model(x), target)
    optimizer.zero_grad()
    optimizer.step()
    return loss


def step_before_backward(model, optimizer, x, target):
    loss = F.mse_loss(model(x), target)
    optimizer.zero_grad()
    optimizer.step()
    loss.backward()
    return loss


def step_as_in_section_5(model, optimizer, x, target):
    logits, weights = model(x)
    loss = F.cross_entropy(logits, target)
    loss.backward()
    return loss, weights


def step_with_the_prediction(model, optimizer, x, target):
    prediction = model(x)
    loss = (prediction - target).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss, prediction


def step_without_mean(model, optimizer, x, target):
    loss = (model(x) - target) ** 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def rows_of_all_sentences(output, lengths):
    return output[lengths - 1, torch.arange(len(output))]


def first_row_only(output, lengths):
    for b, n in enumerate(lengths):
        return output[b, n - 1]


def rows_by_slice(output, lengths):
    return torch.stack([output[b, n - 1 : n] for b, n in enumerate(lengths)])


def many_steps(model, optimizer, x, target):
    for _ in range(5):
        loss = step_that_forgets_at_the_end(model, optimizer, x, target)
    return loss


def three_losses(model, optimizer, x, target):
    return [step_in_another_order(model, optimizer, x, target) for _ in range(3)]


def step_with_detach(model, optimizer, x, target):
    loss = F.mse_loss(model(x).detach(), target)
    loss.backward()
    return loss


@pytest.mark.parametrize(
    "exercise_id, answer, mistake",
    [
        ("5.1", [256, 256, 384], "not-added"),
        ("5.1", [(32, 8), (32, 8), (32, 12)], "shapes"),
        ("5.1", [p.shape for p in Fixed(32, 8, 12).parameters()], "shapes-in-pytorch"),
        ("5.3", many_steps, "several-steps"),
        ("5.3", three_losses, "several-steps"),
        ("5.3", step_with_detach, "without-gradient"),
        ("5.5", [0.6, 0.3, 0.1], "order"),
        ("5.2", rows_of_all_sentences, "first-axis"),
        ("5.2", first_row_only, "only-first-sentence"),
        ("5.2", rows_by_slice, "extra-axis"),
        ("5.3", step_before_backward, "nothing-moves"),
        ("5.3", step_as_in_section_5, "two-unpacked"),
        ("5.3", step_with_the_prediction, "two-returned"),
        ("5.3", step_without_mean, "not-reduced"),
        ("5.3", step_without_backward, "nothing-moves"),
        ("5.3", lambda *inputs: print("oi"), "without-return"),
        ("5.4", SharedProjection, "queries-from-k"),
    ],
)
def test_wrong_answers_written_by_students(exercise_id, answer, mistake):
    assert check(exercise_id, answer).mistake == mistake


def test_a_layer_in_place_of_the_class_is_explained():
    text = repr(check("5.4", Fixed(6, 3, 4)))
    assert "passe a classe" in text and "parou" not in text


class BrokenForward(Fixed):
    def forward(self, x):
        return attention(self.W_q(x), self.W_k(x).T, self.W_v(x))


class ForwardOfTheWrongWidth(Fixed):
    def forward(self, x):
        return self.W_v(self.W_q(x))


@pytest.mark.parametrize(
    "exercise_id, answer, words",
    [
        ("5.1", 3072, "Três matrizes de 32 × 32"),
        ("5.1", 3072, "32 × 8 × 12"),
        ("5.2", lambda output, lengths: output[:, 99], "a conta começa em 0"),
        ("5.2", lambda output, lengths: output[:, :lengths], "um número inteiro"),
        (
            "5.2",
            lambda output, lengths: [output[b, :n] for b, n in enumerate(lengths)],
            "formas diferentes",
        ),
        ("5.2", lambda output, lengths: lengths[:, 0], "menos eixos"),
        ("5.3", lambda model, *rest: model, "devolveu um Linear no lugar da perda"),
        ("5.3", lambda *inputs: "ok", "devolveu um str no lugar da perda"),
        (
            "5.3",
            lambda model, optimizer, x, target: model(x.T),
            "`model` = nn.Linear(4, 2, bias=False), `optimizer` = SGD(lr=0.2), `x` de",
        ),
        ("5.3", step_with_detach, "`.detach()`"),
        ("5.4", BrokenForward, "self.W_k(x).T"),
        ("5.4", ForwardOfTheWrongWidth, "Sua classe parou com um erro"),
        ("5.4", ForwardOfTheWrongWidth, "`return self.W_v(self.W_q(x))`"),
        ("5.4", ForwardOfTheWrongWidth, "A correção usou"),
        ("5.4", "FixedAttention", "a sua classe inteira"),
        ("5.4", 3, "a sua classe inteira"),
        ("5.5", [0, 3, 0, 1, 0, 6], "o decimal é o ponto"),
        ("5.5", ["0,3", "0,1", "0,6"], "sem aspas"),
        ("5.5", 0.3, "3 valores: `[…, …, …]`"),
    ],
)
def test_wrong_answers_get_a_message(exercise_id, answer, words):
    result = check(exercise_id, answer)
    assert not result and words in repr(result)
    assert "forward_call" not in repr(result)


def test_the_case_of_the_step_serves_to_call_it():
    model, optimizer, x, target = case("5.3")
    before = model.weight.detach().clone()
    step_by_hand(model, optimizer, x, target)
    assert not torch.equal(model.weight, before)


def test_the_untouched_step_is_not_solved():
    assert "ainda não resolvido" in repr(check("5.3", lambda *inputs: ...))
