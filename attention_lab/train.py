"""O treino: um laço só. O modelo, os batches e a perda chegam como argumentos."""

import copy
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import nn


@dataclass
class History:
    """O que aconteceu no treino.

    losses: a perda de cada passo (em nats, se ``loss_fn`` é uma entropia cruzada)
    evals: pares (passos dados, valor de ``evaluate``)
    interrupted: True se alguém parou o treino com Ctrl-C
    seconds: quanto durou; muda de máquina a máquina, por isso não se imprime

    >>> History(losses=[2.5, 1.25])
    History(2 passos, perda 2.500 → 1.250)
    """

    losses: list[float] = field(default_factory=list)
    evals: list[tuple[int, float]] = field(default_factory=list)
    interrupted: bool = False
    seconds: float = 0.0

    def __repr__(self) -> str:
        text = f"{len(self.losses)} passos"
        if self.losses:
            text += f", perda {self.losses[0]:.3f} → {self.losses[-1]:.3f}"
        if self.interrupted:
            text += ", interrompido"
        return f"History({text})"


def learning_rate(step: int, steps: int, lr: float, warmup: int, floor: float) -> float:
    """A taxa de aprendizado de um passo: sobe em linha reta e desce em cosseno.

    step: de 0 a steps - 1
    Devolve: lr no fim do aquecimento; perto de floor·lr no último passo.
    Fonte: Loshchilov e Hutter, 2016 (arXiv 1608.03983), o cosseno.

    >>> [round(learning_rate(s, 6, 1.0, warmup=2, floor=0.0), 2) for s in range(6)]
    [0.5, 1.0, 1.0, 0.85, 0.5, 0.15]
    """
    if step < warmup:
        return lr * (step + 1) / warmup
    progress = (step - warmup) / (steps - warmup)  # de 0 até quase 1
    return lr * (floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2)


def train(
    model: nn.Module,
    batches: Callable,
    *,
    loss_fn: Callable,
    steps: int,
    lr: float,
    warmup: int = 30,
    floor: float = 0.05,
    weight_decay: float = 0.0,
    clip: float | None = None,
    seed: int | None = None,
    evaluate: Callable | None = None,
    eval_every: int | None = None,
    keep_best: bool = False,
) -> History:
    """Treina o modelo, que muda no lugar, com AdamW; devolve a história.

    batches: ``batches(step)`` devolve o batch de cada passo
    loss_fn: ``loss_fn(model, batch)`` devolve a perda do batch (um tensor sem eixos)
    lr, warmup, floor: veja ``learning_rate``; floor=1.0 não desce
    clip: norma máxima do gradiente; None não corta
    seed: se dada, ``torch.manual_seed(seed)`` antes do primeiro batch; os parâmetros
        iniciais já foram sorteados, ao criar o modelo
    evaluate: ``evaluate(model)`` devolve um número, menor é melhor; é chamada sem
        gradiente e em ``eval()``, a cada eval_every passos e no fim
    keep_best: fica com os parâmetros do melhor evaluate, não com os últimos
    Devolve: History. O modelo termina em ``eval()``. Ctrl-C para o treino e fica com
        o que já foi aprendido.
    Erro: FloatingPointError se a perda deixa de ser finita; ValueError se um
        argumento não serve.
    Fonte: Loshchilov e Hutter, 2017 (arXiv 1711.05101), o AdamW.

    >>> _ = torch.manual_seed(0)
    >>> x = torch.randn(20, 3)
    >>> loss_fn = lambda model, x: (model(x) - x.sum(1, True)).square().mean()
    >>> train(nn.Linear(3, 1), lambda step: x, loss_fn=loss_fn, steps=200, lr=0.1)
    History(200 passos, perda 4.193 → 0.000)
    """
    check_training(steps, evaluate, eval_every, keep_best, warmup, floor)
    check_optimizer(model, lr, weight_decay, clip)
    if seed is not None:
        torch.manual_seed(seed)
    params = list(model.parameters())
    optimizer = torch.optim.AdamW(params, lr=lr, weight_decay=weight_decay, fused=True)
    history, best_score, best_state = History(), math.inf, None
    start, bar = time.perf_counter(), ProgressBar(steps)
    model.train()
    try:
        for step in range(steps):
            rate = learning_rate(step, steps, lr, warmup, floor)
            optimizer.param_groups[0]["lr"] = rate
            loss = loss_fn(model, batches(step))
            check_loss(loss, step, steps, rate)
            optimizer.zero_grad()
            loss.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(params, clip)
            optimizer.step()
            history.losses.append(loss.item())
            done = step + 1
            bar.show(done, history.losses[-1])
            if evaluate and (done == steps or (eval_every and done % eval_every == 0)):
                score = evaluation(model, evaluate)
                history.evals.append((done, score))
                if keep_best and score < best_score:
                    best_score, best_state = score, copy.deepcopy(model.state_dict())
    except KeyboardInterrupt:
        history.interrupted = True
    finally:
        bar.close()
        if best_state is not None:
            model.load_state_dict(best_state)
        model.eval()
        history.seconds = time.perf_counter() - start
    return history


@torch.no_grad()
def evaluation(model: nn.Module, evaluate: Callable) -> float:
    model.eval()
    score = float(evaluate(model))
    model.train()
    return score


def check_training(steps, evaluate, eval_every, keep_best, warmup, floor) -> None:
    if not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps deve ser um inteiro de 1 em diante, não {steps}.")
    if not isinstance(warmup, int) or warmup < 0:
        raise ValueError(f"warmup deve ser um inteiro de 0 em diante, não {warmup}.")
    if not 0 <= floor <= 1:
        raise ValueError(f"floor deve ir de 0 a 1, mas veio {floor}.")
    if eval_every is not None and (not isinstance(eval_every, int) or eval_every < 1):
        raise ValueError(
            f"eval_every deve ser um inteiro de 1 em diante, não {eval_every}."
        )
    if evaluate is None and (keep_best or eval_every):
        raise ValueError("keep_best e eval_every precisam de evaluate=...")


def check_optimizer(model, lr, weight_decay, clip) -> None:
    if not 0 < lr < math.inf:
        raise ValueError(f"lr deve ser maior que 0, mas veio {lr}.")
    if not 0 <= weight_decay < math.inf:
        raise ValueError(f"weight_decay deve ser 0 ou mais, mas veio {weight_decay}.")
    if clip is not None and not 0 < clip < math.inf:
        raise ValueError(f"clip deve ser maior que 0, ou None, mas veio {clip}.")
    if not any(p.requires_grad for p in model.parameters()):
        raise ValueError("nenhum parâmetro do modelo se treina: requires_grad é False.")


def check_loss(loss, step: int, steps: int, lr: float) -> None:
    if not isinstance(loss, torch.Tensor):
        raise TypeError(
            "loss_fn deve devolver a perda, um tensor de um número só, mas veio "
            f"{type(loss).__name__}. O GPT devolve (logits, perda): use [1]."
        )
    if loss.numel() != 1:
        raise ValueError(
            "loss_fn deve devolver a perda, um número só, mas veio a forma "
            f"{tuple(loss.shape)}: falta uma média?"
        )
    if not math.isfinite(loss.item()):
        raise FloatingPointError(
            f"a perda virou {loss.item()} no passo {step + 1} de {steps}, com taxa de "
            f"aprendizado {lr:.3g}: tente um lr menor ou clip=1.0, e confira o batch."
        )


def who_watches() -> str | None:
    """Onde uma pessoa vê a barra: "terminal", "notebook" ou None (silêncio).

    Um kernel que uma ferramenta abriu (nbclient, nbval) não tem as marcas que as
    interfaces deixam no ambiente; um arquivo ou um pipe não é um terminal.
    """
    if {"ATTENTION_LAB_SILENCIO", "PYTEST_VERSION", "CI"} & os.environ.keys():
        return None
    if "ipykernel" in sys.modules:
        marks = ("JPY_SESSION_NAME", "COLAB_", "VSCODE_")
        return "notebook" if any(n.startswith(marks) for n in os.environ) else None
    return "terminal" if sys.stderr.isatty() else None


class ProgressBar:
    """Uma linha que se atualiza enquanto alguém a vê, e se apaga no fim."""

    def __init__(self, steps: int):
        self.steps, self.where, self.handle = steps, who_watches(), None
        self.last = time.perf_counter()

    def show(self, done: int, loss: float) -> None:
        if self.where and time.perf_counter() - self.last > 0.2:
            bar = "█" * (30 * done // self.steps)
            self.write(f"{bar:░<30} passo {done} de {self.steps}, perda {loss:.3f}")
            self.last = time.perf_counter()

    def write(self, text: str) -> None:
        if self.where == "terminal":
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
        elif self.handle:
            self.handle.update({"text/plain": text}, raw=True)
        else:
            from IPython.display import display

            self.handle = display({"text/plain": text}, raw=True, display_id=True)

    def close(self) -> None:
        if self.where == "terminal" or self.handle:
            self.write("")
