"""O laço de treino: reprodutível, silencioso, e claro quando algo dá errado."""

import io
import math
import sys
from itertools import pairwise

import pytest
import torch
from torch import nn

from attention_lab import train as train_module
from attention_lab.layers import GPT, GPTConfig
from attention_lab.train import History, ProgressBar, learning_rate, train, who_watches

X = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
Y = X @ torch.tensor([[1.0], [-2.0], [0.5]])
FLAT = {"warmup": 0, "floor": 1.0}


def batches(step):
    rows = torch.randint(len(X), (8,))
    return X[rows], Y[rows]


def loss_fn(model, batch):
    x, y = batch
    return (model(x) - y).square().mean()


def whole_loss(model):
    return loss_fn(model, (X, Y))


def linear(seed=0):
    torch.manual_seed(seed)
    return nn.Linear(3, 1)


def run(model=None, **options):
    options = {"loss_fn": loss_fn, "steps": 60, "lr": 0.1, "seed": 5, **options}
    return train(linear() if model is None else model, batches, **options)


def test_learns_and_reports():
    model = linear()
    before = whole_loss(model).item()
    history = run(model, steps=300)
    assert whole_loss(model).item() < before / 1000
    assert len(history.losses) == 300 and history.losses[-1] < history.losses[0] / 100
    assert all(isinstance(loss, float) for loss in history.losses)
    assert 0 < history.seconds < 60 and not history.interrupted
    assert not model.training


def test_same_seed_same_history_and_same_parameters():
    models = [linear(), linear(), linear()]
    torch.rand(3)  # o estado do sorteio global antes do treino não importa
    first, again = run(models[0]), run(models[1])
    other = run(models[2], seed=6)
    assert first.losses == again.losses and repr(first) == repr(again)
    assert torch.equal(models[0].weight, models[1].weight)
    assert first.losses != other.losses


def test_seed_zero_is_a_seed():
    models = [linear(), linear()]
    first, again = (run(model, seed=0) for model in models)
    assert first.losses == again.losses


def test_same_seed_same_gpt():
    ids = torch.randint(17, (6, 9))
    losses = []
    for _ in range(2):
        torch.manual_seed(1)
        model = GPT(GPTConfig(17, 8, d_model=12, n_heads=3, n_layers=2, dropout=0.1))
        history = train(
            model,
            lambda step: (ids[:, :-1], ids[:, 1:]),
            loss_fn=lambda model, batch: model(*batch)[1],
            steps=60,
            lr=1e-2,
            clip=1.0,
            seed=2,
        )
        losses.append(history.losses)
    assert losses[0] == losses[1]
    assert losses[0][-1] < losses[0][0] / 2  # decora seis frases


def test_batches_receive_the_step():
    steps = []

    def numbered(step):
        steps.append(step)
        return X, Y

    train(linear(), numbered, loss_fn=loss_fn, steps=4, lr=0.1)
    assert steps == [0, 1, 2, 3]


def test_the_loop_is_plain_adamw():
    ours, theirs = linear(), linear()
    history = run(ours, steps=20, weight_decay=0.3, clip=0.5, warmup=4, floor=0.1)
    torch.manual_seed(5)
    optimizer = torch.optim.AdamW(theirs.parameters(), lr=0.1, weight_decay=0.3)
    losses = []
    for step in range(20):
        optimizer.param_groups[0]["lr"] = learning_rate(step, 20, 0.1, 4, 0.1)
        loss = loss_fn(theirs, batches(step))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
        optimizer.step()
        losses.append(loss.item())
    assert history.losses == pytest.approx(losses, rel=1e-4)
    torch.testing.assert_close(ours.weight, theirs.weight)


def test_no_weight_decay_unless_asked():
    def constant(model, batch):
        return model.weight.sum() * 0 + model.bias.sum()

    model = linear()
    before = model.weight.clone()
    run(model, loss_fn=constant)
    assert torch.equal(model.weight, before)
    run(model, loss_fn=constant, weight_decay=0.1)
    assert (model.weight.abs() < before.abs()).all()


def test_frozen_parameters_stay():
    model = linear()
    model.bias.requires_grad_(False)
    before = model.bias.clone()
    run(model)
    assert torch.equal(model.bias, before)


def test_learning_rate():
    rates = [learning_rate(s, 100, 2.0, warmup=10, floor=0.1) for s in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert rates[9] == rates[10] == max(rates) == 2.0
    assert rates[55] == pytest.approx((2.0 + 0.2) / 2)  # no meio da descida
    assert 0.2 < rates[99] < 0.2 * 1.01
    assert all(a > b for a, b in pairwise(rates[10:]))
    flat = [learning_rate(s, 5, 2.0, **FLAT) for s in range(5)]
    assert flat == [2.0] * 5
    short = [learning_rate(s, 3, 1.0, warmup=30, floor=0.0) for s in range(3)]
    assert short == pytest.approx([1 / 30, 2 / 30, 3 / 30])


def test_evaluate():
    modes = []

    def evaluate(model):
        modes.append((model.training, torch.is_grad_enabled()))
        return whole_loss(model)

    trained_in = []

    def spying_loss(model, batch):
        trained_in.append((model.training, torch.is_grad_enabled()))
        return loss_fn(model, batch)

    model = linear()
    options = {"evaluate": evaluate, "loss_fn": spying_loss, "steps": 25}
    history = run(model, eval_every=10, **options)
    assert [done for done, _ in history.evals] == [10, 20, 25]
    assert history.evals[-1][1] == whole_loss(model).item()
    assert set(modes) == {(False, False)} and set(trained_in) == {(True, True)}
    assert [done for done, _ in run(**options).evals] == [25]


def test_a_model_in_eval_mode_is_put_back_to_train():
    modes = []

    def spying_loss(model, batch):
        modes.append(model.training)
        return loss_fn(model, batch)

    run(linear().eval(), loss_fn=spying_loss, steps=3)
    assert modes == [True] * 3


def test_keep_best():
    scores = iter([math.nan, 0.5, 0.2, math.nan, 0.3])
    states = []

    def evaluate(model):
        states.append(model.weight.clone())
        return next(scores)

    options = {"evaluate": evaluate, "steps": 10, "eval_every": 2}
    model = linear()
    run(model, keep_best=True, **options)
    assert torch.equal(model.weight, states[2])
    assert not torch.equal(model.weight, states[4])

    scores, states = iter([0.5, 0.2, 0.9, 0.3, 0.4]), []
    run(model, **options)
    assert torch.equal(model.weight, states[4])  # sem pedir, os últimos

    scores, states = iter([0.5, 0.2, 0.2]), []
    run(model, keep_best=True, **(options | {"steps": 6}))
    assert torch.equal(model.weight, states[1])  # num empate, o primeiro


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_non_finite_loss_stops_with_the_step_and_the_rate(bad):
    def exploding(model, batch):
        factor = bad if len(seen) == 3 else 1.0
        seen.append(model.weight.clone())
        return loss_fn(model, batch) * factor

    seen = []
    model = linear()
    message = rf"virou {bad} no passo 4 de 60, .* 0\.0133: tente um lr menor"
    with pytest.raises(FloatingPointError, match=message):
        run(model, loss_fn=exploding)
    assert torch.equal(model.weight, seen[3])  # o passo ruim não foi dado
    assert not model.training


def test_a_non_finite_loss_keeps_the_best_so_far():
    states, calls = [], []

    def exploding(model, batch):
        calls.append(batch)
        return loss_fn(model, batch) * (math.nan if len(calls) == 6 else 1.0)

    def evaluate(model):
        states.append(model.weight.clone())
        return len(states)

    model = linear()
    options = {"loss_fn": exploding, "evaluate": evaluate, "eval_every": 2}
    with pytest.raises(FloatingPointError):
        run(model, keep_best=True, **options)
    assert len(states) == 2 and torch.equal(model.weight, states[0])


def test_ctrl_c_returns_what_was_learnt():
    def interrupted(step):
        if step == 7:
            raise KeyboardInterrupt
        return batches(step)

    model = linear()
    before = model.weight.clone()
    history = train(model, interrupted, loss_fn=loss_fn, steps=50, lr=0.1)
    assert history.interrupted and len(history.losses) == 7
    assert "7 passos" in repr(history) and repr(history).endswith("interrompido)")
    assert not torch.equal(model.weight, before) and not model.training


def test_ctrl_c_keeps_the_best_so_far():
    def interrupted(step):
        if step == 7:
            raise KeyboardInterrupt
        return batches(step)

    scores, states = iter([0.1, 0.4, 0.3]), []

    def evaluate(model):
        states.append(model.weight.clone())
        return next(scores)

    model = linear()
    options = {"loss_fn": loss_fn, "steps": 50, "lr": 0.1, "evaluate": evaluate}
    train(model, interrupted, eval_every=2, keep_best=True, **options)
    assert torch.equal(model.weight, states[0])


def test_errors():
    for steps in (0, 2.5):
        with pytest.raises(ValueError, match=f"steps.*{steps}"):
            run(steps=steps)
    for lr in (0, -0.1, math.nan, math.inf):
        with pytest.raises(ValueError, match=f"lr.*{lr}"):
            run(lr=lr)
    for name, bad in [
        ("clip", (0, -1.0, math.inf)),
        ("warmup", (-5, 2.5)),
        ("floor", (-0.1, 1.5)),
        ("eval_every", (0, -3, 2.5)),
        ("weight_decay", (-1, math.nan)),
    ]:
        for value in bad:
            with pytest.raises(ValueError, match=f"{name}.*{value}"):
                run(**{name: value})
    for options in ({"keep_best": True}, {"eval_every": 3}):
        with pytest.raises(ValueError, match="evaluate"):
            run(**options)


def test_what_loss_fn_may_return():
    model = nn.Linear(3, 1)
    for loss, error, words in [
        (lambda m, x: (m(x), m(x).sum()), TypeError, r"tuple.*use \[1\]"),
        (lambda m, x: 1.0, TypeError, "float"),
        (lambda m, x: m(x).square(), ValueError, r"\(4, 1\).*média"),
    ]:
        with pytest.raises(error, match=words):
            train(model, lambda step: torch.ones(4, 3), loss_fn=loss, steps=2, lr=0.1)
    model.requires_grad_(False)
    with pytest.raises(ValueError, match="nenhum parâmetro"):
        train(model, lambda step: torch.ones(4, 3), loss_fn=loss, steps=2, lr=0.1)


def test_repr_has_no_seconds():
    assert repr(History([2.5, 1.25], seconds=3.21)) == (
        "History(2 passos, perda 2.500 → 1.250)"
    )
    assert repr(History()) == "History(0 passos)"


# A barra


class Screen(io.StringIO):
    def __init__(self, is_terminal):
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self):
        return self.is_terminal


@pytest.fixture
def outside(monkeypatch):
    """Fora do pytest, sem kernel, com um terminal (ou não)."""
    for name in list(train_module.os.environ):
        if name.startswith(("ATTENTION_LAB", "PYTEST_", "JPY_", "COLAB_", "VSCODE_")):
            monkeypatch.delenv(name)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)

    def screen(is_terminal):
        monkeypatch.setattr(sys, "stderr", Screen(is_terminal))
        return sys.stderr

    return screen


def slow_batches(step):
    train_module.time.sleep(0.05)
    return X, Y


def test_silent_under_pytest(capsys):
    assert who_watches() is None
    run()
    assert capsys.readouterr() == ("", "")


def test_silent_in_a_pipe(outside, capsys):
    screen = outside(False)
    train(linear(), slow_batches, loss_fn=loss_fn, steps=10, lr=0.1)
    assert screen.getvalue() == "" and capsys.readouterr().out == ""


def test_a_bar_in_a_terminal_that_erases_itself(outside, capsys):
    screen = outside(True)
    assert who_watches() == "terminal"
    train(linear(), slow_batches, loss_fn=loss_fn, steps=10, lr=0.1)
    lines = screen.getvalue().split("\r\033[K")
    assert lines[0] == lines[-1] == "" and len(lines) >= 3
    assert " de 10, perda " in lines[1] and "█" in lines[1]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["ATTENTION_LAB_SILENCIO", "PYTEST_VERSION", "CI"])
def test_silent_when_told(outside, monkeypatch, name):
    outside(True)
    monkeypatch.setenv(name, "1")
    assert who_watches() is None


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("JPY_SESSION_NAME", "notebook"),
        ("COLAB_RELEASE_TAG", "notebook"),
        ("VSCODE_PID", "notebook"),
        ("JPY_PARENT_PID", None),  # todo kernel tem, também o do nbclient
    ],
)
def test_in_a_kernel_only_an_interface_gets_a_bar(outside, monkeypatch, name, where):
    outside(True)
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    assert who_watches() is None
    monkeypatch.setenv(name, "1")
    assert who_watches() == where


def test_the_notebook_bar_erases_itself(monkeypatch):
    shown = []

    class Handle:
        def update(self, data, raw):
            shown.append(data["text/plain"])

    def display(data, raw, display_id):
        shown.append(data["text/plain"])
        return Handle()

    import IPython.display

    monkeypatch.setattr(IPython.display, "display", display)
    monkeypatch.setattr(train_module, "who_watches", lambda: "notebook")
    train(linear(), slow_batches, loss_fn=loss_fn, steps=10, lr=0.1)
    assert len(shown) >= 3 and "passo" in shown[0] and shown[-1] == ""
    shown.clear()
    ProgressBar(3).close()  # treino curto: nada a mostrar, nada a apagar
    assert shown == []


def test_a_notebook_run_by_a_tool_stores_no_bar(monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    for name in ("PYTEST_VERSION", "CI", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name in list(train_module.os.environ):
        if name.startswith(("COLAB_", "VSCODE_")):
            monkeypatch.delenv(name)
    source = """
import time
from torch import nn, ones
from attention_lab.train import train
train(
    nn.Linear(3, 1),
    lambda step: time.sleep(0.1),
    loss_fn=lambda model, batch: model(ones(1, 3)).square().sum(),
    steps=6,
    lr=0.1,
)
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert output.output_type == "execute_result"
    assert output.data["text/plain"].startswith("History(6 passos")
