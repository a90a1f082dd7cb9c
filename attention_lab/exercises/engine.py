"""O motor da correção: roda a resposta com cuidado e reconhece os enganos do catálogo.

Um exercício novo é uma entrada de dados: `FunctionExercise` quando a resposta é uma
função, `ValueExercise` quando é um número, uma palavra ou uma forma.
"""

import _thread
import contextlib
import copy as copying
import dis
import html
import inspect
import io
import linecache
import math
import re
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

TIME_LIMIT = 10.0  # segundos para a correção inteira
RTOL, ATOL = 1e-4, 1e-5  # folga para float32 e para outra ordem de soma

GLOSSES = [  # o que as mensagens mais comuns querem dizer
    (r"bitwise_xor", "em Python, a potência é `**`; o `^` é outra operação."),
    (
        r"bitwise_\w+_cpu|operator\.invert",
        "`&`, `|` e `~` pedem tabelas booleanas: crie-as com `dtype=torch.bool`, ou "
        "converta com `.bool()`.",
    ),
    (
        r"not implemented for '(Long|Int|Bool|Byte)'",
        "essa conta pede números reais: converta antes, com `.float()`.",
    ),
    (
        r"'list' object has no attribute '(split|find|lower|replace|strip)'",
        "isso já é uma lista de palavras: use `words[i]`, `words.index(...)` ou um "
        "laço.",
    ),
    (
        r"expected Tensor as element.*got (int|float|list|NoneType)",
        "o `cat` e o `stack` só juntam tensores, dentro de uma lista: um número vira "
        "tensor com `torch.ones(1)`, `torch.zeros(n)` ou `torch.tensor([x])`.",
    ),
    (
        r"argument 'tensors'.*must be tuple of Tensors, not Tensor",
        "o `cat` e o `stack` recebem uma lista: `torch.cat([a, b], dim=...)`.",
    ),
    (
        r"'Tensor' object has no attribute 'append'",
        "um tensor não cresce com `append`: junte os dois com `torch.cat`.",
    ),
    (
        r"zero-dimensional tensor.*cannot be concatenated",
        "um dos tensores é um número só, sem eixo: o `argmax()` e o `sum()` sem "
        "`dim` juntam tudo. Diga o eixo, com `keepdim=True`.",
    ),
    (
        r"sum\(\) received an invalid combination.*keepdim",
        "diga também o eixo: `sum(dim=-1, keepdim=True)`.",
    ),
    (
        r"'(builtin_function_or_method|method)'",
        "faltam os parênteses de uma chamada, como em `.sum()`.",
    ),
    (
        r"'Tensor' object is not callable",
        "um tensor foi chamado como função. Uma matriz se multiplica (`x @ W.T`), `.T` "
        "e `.mT` não levam parênteses, e o `step` do otimizador não recebe a perda.",
    ),
    (r"A must be batches of square", "há tantas equações quantos pesos?"),
    (
        r"matrix is singular|Singular matrix",
        "o sistema não tem solução única: duas equações iguais, ou uma toda 0.",
    ),
    (
        r"can't be cast to the desired output type (Long|Int)",
        "uma tabela de inteiros não guarda frações: crie-a com números reais.",
    ),
    (
        r"operator.*bool tensor",
        "entre True e False não há subtração: para inverter uma máscara booleana, use "
        "`~`.",
    ),
    (
        r"list indices must be|'list' object has no attribute|"
        r"(instances|operand).*'list'|must be Tensor, not list",
        "isso é uma lista, não um tensor: converta antes, como em "
        "`torch.as_tensor(lengths)`; uma lista de tensores se junta com `torch.stack`.",
    ),
    (
        r"only integer tensors of a single element",
        "uma fatia (`:n`) pede um número inteiro, e chegou um tensor de vários: use um "
        "por vez.",
    ),
    (r"^NameError", "esse nome não existe dentro da função: é um argumento dela?"),
    (
        r"^UnboundLocalError",
        "essa variável é usada antes de receber um valor dentro da função.",
    ),
    (
        r"tensors used as indices|shape mismatch: indexing",
        "o que vai entre colchetes tem de ser um inteiro, uma fatia, ou um tensor de "
        "inteiros, ou uma máscara, que caiba no eixo.",
    ),
    (
        r"Dimension out of range|too many indices",
        "o tensor tem menos eixos do que a conta pede: confira a forma dele.",
    ),
    (
        r"^IndexError",
        "um índice passou do fim do eixo: confira o eixo, e lembre que a conta começa "
        "em 0.",
    ),
    (
        r"expanded size of the tensor",
        "o que se grava não tem o tamanho do lugar: compare as duas formas, e confira "
        "qual eixo a conta juntou.",
    ),
    (
        r"size of tensor a .* must match|not broadcast|broadcast together",
        "as duas formas não se alinham, de trás para a frente: falta `keepdim=True`, "
        "um eixo de tamanho 1 (`[:, None]`) ou uma transposta; ou um tamanho ficou "
        "fixo.",
    ),
    (
        r"Sizes of tensors must match|stack expects each tensor",
        "para juntar tensores, as formas têm de ser iguais: no `torch.cat`, menos no "
        "eixo em que se juntam; no `torch.stack`, em todos.",
    ),
    (
        r"Boolean value of Tensor",
        "um `if`, um `and`, um `or` ou um `not` (use `~`) recebeu um tensor de muitos "
        "valores: compare um número por vez, ou use `&`, `|`, `.any()` e `.all()`.",
    ),
    (
        r"view size is not compatible",
        "depois de um `transpose`, a memória já não está em ordem: o `view` recusa. Se "
        "os eixos já estão na ordem que você quer, use `reshape`; ele aceita qualquer "
        "ordem, também a errada.",
    ),
    (
        r"failed to unpack the object.*got float",
        "um tamanho ou um índice é sempre inteiro, e a divisão `/` dá um número com "
        "vírgula: use `//`.",
    ),
    (
        r"shape '.*' is invalid for input of size",
        "o produto dos tamanhos pedidos não é o total de números do tensor: um tamanho "
        "ficou fixo, ou não bate. Leia-os da forma da entrada, como em `x.shape`.",
    ),
    (
        r"(too many|not enough) values to unpack",
        "à esquerda do `=` há um número de nomes, e à direita veio outro número de "
        "valores.",
    ),
    (
        r"must have same number of dimensions",
        "um dos tensores tem um eixo a menos: falta `keepdim=True`, ou `[:, None]`.",
    ),
    (
        r"Expected size for first two dimensions of batch2",
        "no `@` com três eixos, o primeiro é o mesmo nos dois, e as colunas da "
        "primeira matriz são tantas quantas as linhas da segunda: confira as formas.",
    ),
    (
        r"cannot be multiplied|size mismatch|must match .* got",
        "no produto de matrizes, as colunas da primeira têm de ser tantas quantas as "
        "linhas da segunda.",
    ),
    (
        r"only one element tensors|can be converted to Python scalars",
        "`float`, `math.exp`, `.item()` e os números dentro de `torch.tensor([...])` "
        "pedem um número só: para todos de uma vez, use a função do torch de mesmo "
        "nome (`torch.exp`, `torch.sqrt`); para juntar tensores, `torch.cat`.",
    ),
    (
        r"boolean masks|bool tensor",
        "a máscara tem de ser booleana: `dtype=torch.bool`.",
    ),
    (r"positional argument", "a função recebe argumentos demais ou de menos."),
    (
        r"must be Tensor, not (int|float)",
        "as funções do torch pedem tensores; para um número, use `math`.",
    ),
    (r"^RecursionError", "a função chama a si mesma sem parar."),
    (r"ellipsis", "ainda há reticências (...) no meio da conta."),
    (
        r"return_types",
        "`max` com eixo devolve valores e posições: para o valor, `.values` ou `amax`; "
        "para a posição, `.indices` ou `argmax`.",
    ),
]

RIGHT, UNSOLVED, WRONG = "certo", "ainda não resolvido", "ainda não"


@dataclass(frozen=True)
class Mistake:
    """Um engano conhecido: o que ele produz e o que se diz a quem o cometeu.

    name: nome curto, para os testes
    wrong: função com os mesmos argumentos do exercício, ou o valor errado
    what: o que a resposta fez, em uma ou duas frases
    see: onde rever, como "seção 3"
    numbers: função (got, *inputs) -> frase com números; sem ela, o pior índice
    untouched: é o ponto de partida de um "conserte o erro" ("ainda não resolvido")
    """

    name: str
    wrong: object
    what: str
    see: str
    numbers: Callable[..., str] | None = None
    untouched: bool = False


@dataclass(frozen=True)
class FunctionExercise:
    """Exercício respondido com uma função.

    id: número, como "3.1"
    reference: a função certa
    inputs: função sem argumentos que devolve a lista de casos, cada um uma tupla
    mistakes: o catálogo de enganos
    outputs: nomes do que a função devolve, na ordem
    gradient: confere também o gradiente em relação às entradas reais
    by_hand: nomes que o enunciado pede para não usar, como "softmax"
    own: uma função do próprio caderno, com um desses nomes, vale
    adapt: transforma a resposta (uma classe, por exemplo) na função dos casos
    praise: o que dizer quando está certo
    asks: o que o enunciado pede, "função" ou "classe"
    """

    id: str
    reference: Callable
    inputs: Callable[[], list[tuple]]
    mistakes: Sequence[Mistake]
    outputs: tuple[str, ...] = ("resultado",)
    gradient: bool = False
    by_hand: tuple[str, ...] = ()
    own: bool = True
    adapt: Callable | None = None
    praise: str = ""
    asks: str = "função"


@dataclass(frozen=True)
class ValueExercise:
    """Exercício respondido com um valor: número, palavra, forma, lista.

    id: número, como "3.2"
    answer: o valor certo, ou uma função sem argumentos que o calcula
    mistakes: o catálogo; `wrong` é um valor, ou uma função sem argumentos
    tolerance: distância aceita entre números
    praise: o que dizer quando está certo
    """

    id: str
    answer: object
    mistakes: Sequence[Mistake]
    tolerance: float = 0.0
    praise: str = ""


@dataclass(frozen=True)
class Result:
    """O que a correção viu. Vale True quando a resposta está certa.

    status: "certo", "ainda não resolvido" ou "ainda não"
    mistake: nome do engano reconhecido, ou "" quando não é do catálogo
    lines: pares (rótulo, frase); rótulo vazio para a frase solta
    """

    id: str
    status: str
    lines: tuple[tuple[str, str], ...] = ()
    mistake: str = ""

    def __bool__(self) -> bool:
        return self.status == RIGHT

    def __repr__(self) -> str:
        rows = [f"{label}: {text}" if label else text for label, text in self.lines]
        return "\n  ".join([f"{self.id} · {self.status}", *rows])

    def _repr_html_(self) -> str:
        colour, sign = {
            RIGHT: ("#009E73", "✓"),
            UNSOLVED: ("#6B7785", "…"),
            WRONG: ("#D55E00", "✗"),
        }[self.status]
        rows = "".join(
            "<div style='margin-top:4px'>"
            + (f"<b>{html.escape(label)}:</b> " if label else "")
            + _code_spans(html.escape(text))
            + "</div>"
            for label, text in self.lines
        )
        return (
            f"<div style='border-left:6px solid {colour};background:#FFFFFF;"
            "color:#1F2933;padding:8px 12px;max-width:46em;line-height:1.45'>"
            f"<b>{sign} {html.escape(self.id)} · {self.status}</b>{rows}</div>"
        )


class _TimeUp(Exception):
    pass


class Refused(Exception):
    """O que um adaptador diz de uma resposta que não lhe serve: vai como está."""


@dataclass
class _Run:
    """Uma execução da resposta: o valor ou a exceção, e o que mais se notou."""

    value: object = None
    error: BaseException | None = None
    printed: bool = False
    changed: list[int] = field(default_factory=list)


def find(catalogue: dict, exercise_id) -> tuple[object, Result | None]:
    """O exercício pelo número; se não há, um resultado que lista os que há."""
    if callable(exercise_id) or isinstance(exercise_id, Tensor):
        text = 'O número do exercício vem primeiro, como em `check("1.3", f)`.'
        return None, Result("?", WRONG, (("", text),))
    key = str(exercise_id).strip().replace(",", ".")
    if key in catalogue:
        return catalogue[key], None
    ids = ", ".join(catalogue)
    text = f"Não há exercício {key!r}. Os que há: {ids}."
    return None, Result(key, WRONG, (("", text),))


def grade(exercise, answer) -> Result:
    """Corrige uma resposta; nunca levanta exceção por causa dela."""
    inside = answer if isinstance(answer, list | tuple) else ()
    if answer is None or any(item is ... for item in (answer, *inside)):
        return _unsolved(exercise.id)
    if isinstance(exercise, ValueExercise):
        return _grade_value(exercise, answer)
    with torch.enable_grad():  # quem o desligou no caderno não perde a correção
        return _grade_function(exercise, answer)


def sample(seed: int, *shapes: tuple[int, ...]) -> tuple[Tensor, ...]:
    """Tensores normais de uma semente: a mesma entrada para todas as respostas.

    >>> [tuple(t.shape) for t in sample(0, (2, 5, 3), (2, 7, 3))]
    [(2, 5, 3), (2, 7, 3)]
    """
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(*shape, generator=generator) for shape in shapes)


def decimal(x: float, digits: int = 3) -> str:
    """Número com vírgula decimal, como na prosa.

    >>> decimal(0.5), decimal(-1e-4), decimal(float("nan"))
    ('0,500', '0,000', 'NaN')
    """
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    x = round(float(x), digits) + 0.0  # + 0.0: nunca "−0,000"
    return f"{x:.{digits}f}".replace(".", ",").replace("-", "−")


# --- respostas que são funções -------------------------------------------------------


def _grade_function(exercise: FunctionExercise, answer) -> Result:
    if not callable(answer):
        if isinstance(answer, str):
            why = f"Chegou um texto: tire as aspas e passe a própria {exercise.asks}."
        elif isinstance(answer, Tensor | np.ndarray | tuple | list):
            why = "Chegou o resultado dela: passe só o nome, sem parênteses."
        else:
            why = f"Chegou um valor do tipo {type(answer).__name__}."
        text = f"O `check` espera a sua {exercise.asks} inteira. {why}"
        return Result(exercise.id, WRONG, (("", text),), "not-a-function")

    def call(*inputs):
        function = answer if exercise.adapt is None else exercise.adapt(answer)
        value = function(*inputs)
        if isinstance(value, list) and len(value) == len(exercise.outputs) > 1:
            return tuple(value)  # [output, weights] vale o par
        alone = isinstance(value, tuple) and len(exercise.outputs) == 1
        return list(value) if alone and all(map(_is_number, value)) else value

    cases = exercise.inputs()
    deadline = time.monotonic() + TIME_LIMIT
    runs = []
    for inputs in cases:
        run = _run(call, inputs, deadline)
        runs.append(run)
        if isinstance(run.error, _TimeUp):
            text = (
                f"Sua função passou de {TIME_LIMIT:.0f} segundos e foi interrompida. "
                "As entradas são pequenas: procure um laço que não termina."
            )
            return Result(exercise.id, WRONG, (("", text),), "time")
    first = runs[0]
    undone = isinstance(first.error, NotImplementedError)  # e não o do PyTorch
    if first.value is ... or (undone and "implemented for" not in str(first.error)):
        return _unsolved(exercise.id)
    expected = [_tensors(exercise.reference(*_copies(inputs))) for inputs in cases]
    if all(_same(_outcome(run), want) for run, want in zip(runs, expected)):
        return _grade_details(exercise, answer, call, cases, runs, expected, deadline)
    for mistake in exercise.mistakes:
        wrong = [_outcome(_run(mistake.wrong, inputs)) for inputs in cases]
        if all(_same(_outcome(run), w) for run, w in zip(runs, wrong)):
            return _recognised(exercise, mistake, cases, runs, expected)
    return _unrecognised(exercise, cases, runs, expected)


def _grade_details(exercise, answer, call, cases, runs, expected, deadline) -> Result:
    """Os valores estão certos: falta ver entradas alteradas, dtype e gradiente."""
    for run in runs:
        if run.changed:
            lines = _changed_lines(exercise, run)
            return Result(exercise.id, WRONG, lines, "in-place")
    if ready := _ready_made(exercise, answer):
        text = (
            f"O resultado está certo, mas veio pronto de `{ready}`. Aqui o "
            "exercício é escrever a conta."
        )
        return Result(exercise.id, WRONG, (("", text),), "ready-made")
    for run, want in zip(runs, expected):
        for name, got, ref in zip(exercise.outputs, _outcome(run), want):
            if ref.dtype == torch.bool and got.dtype != torch.bool:
                text = (
                    f"Os valores de `{name}` estão certos, mas o tipo não: a tabela "
                    "deve ser booleana (True e False), não de números."
                )
                return Result(exercise.id, WRONG, (("", text),), "not-bool")
    if exercise.gradient:
        for inputs in cases:
            text = _gradient_problem(exercise, call, inputs, deadline)
            if text:
                return Result(exercise.id, WRONG, (("", text),), "gradient")
    praise = (("", exercise.praise),) if exercise.praise else ()
    return Result(exercise.id, RIGHT, praise)


def _ready_made(exercise, answer) -> str:
    """O nome de ``by_hand`` que a resposta chama, também nas funções de dentro."""
    code = getattr(answer, "__code__", None)  # uma classe, por exemplo, não tem
    codes = [] if code is None or answer is exercise.reference else [code]
    for code in codes:
        codes += [part for part in code.co_consts if inspect.iscode(part)]
        for step in dis.get_instructions(code):
            if step.argval not in exercise.by_hand:
                continue
            found = answer.__globals__.get(step.argval)
            theirs = getattr(found, "__globals__", None) is answer.__globals__
            is_global = "GLOBAL" in step.opname or "NAME" in step.opname
            if any(kind in step.opname for kind in ("ATTR", "METHOD", "IMPORT")):
                return step.argval
            if is_global and found is not None and not (theirs and exercise.own):
                return step.argval
    return ""


def _gradient_problem(exercise, call, inputs, deadline) -> str:
    """Frase que diz o que há de errado no gradiente; vazia se está certo."""
    want = _gradients(exercise.reference, inputs, deadline)
    try:
        got = _gradients(call, inputs, deadline)
    except RuntimeError as error:
        if re.search("in-?place", str(error)):
            return (
                "Os valores estão certos, mas o gradiente falha: uma operação que "
                "grava por cima (`-=`, `/=`, `exp_()`, `transpose_()`) apagou um "
                "número necessário ao gradiente. Troque `a /= b` por `a = a / b`."
            )
        return (
            "Os valores estão certos, mas o gradiente não chega às entradas: sem ele, "
            "nada se treina. Procure `.item()`, `.tolist()`, `.detach()`, numpy, "
            "`torch.no_grad()` ou `torch.tensor(...)` no caminho."
        )
    names = _argument_names(exercise)
    for name, a, b in zip(names, want, got):
        if not torch.allclose(a, b, 1e-3, 1e-4):
            return (
                f"Os valores estão certos, mas o gradiente em relação a `{name}` não: "
                "parte da conta saiu do caminho (`.item()`, `.detach()`, "
                "`torch.tensor(...)`)."
            )
    return ""


def _gradients(function, inputs, deadline) -> list[Tensor]:
    """O gradiente em cada entrada real; RuntimeError se não há caminho até elas."""
    leaves = [
        t.clone().requires_grad_()
        if isinstance(t, Tensor) and t.is_floating_point()
        else t
        for t in inputs
    ]
    real = [t for t in leaves if isinstance(t, Tensor) and t.requires_grad]
    run = _run(function, tuple(leaves), deadline, copy=False)
    outs = [t for t in _raw(run.value) if isinstance(t, Tensor) and t.requires_grad]
    if not outs:
        raise RuntimeError(f"sem gradiente: {run.error}")
    # pesos diferentes em cada posição, para que nenhum erro se cancele na soma
    total = sum(
        (o * torch.linspace(0.5, 1.5, o.numel()).view_as(o)).sum() for o in outs
    )
    grads = torch.autograd.grad(total, real, allow_unused=True)
    return [torch.zeros_like(t) if g is None else g for t, g in zip(real, grads)]


def _recognised(exercise, mistake, cases, runs, expected) -> Result:
    if mistake.untouched:
        lines = (("", mistake.what), ("Onde rever", mistake.see))
        return Result(exercise.id, UNSOLVED, lines, mistake.name)
    lines = [("O que a resposta fez", mistake.what)]
    i = next(  # o primeiro caso em que ela se afasta do certo
        i for i, run in enumerate(runs) if not _same(_outcome(run), expected[i])
    )
    if mistake.numbers is not None:
        value = _raw(runs[i].value)
        got = value if len(value) > 1 else value[0]
        lines.append(("Nos números", mistake.numbers(got, *cases[i])))
    elif runs[i].error is None:
        lines.append(
            ("Nos números", _difference(exercise, _outcome(runs[i]), expected[i]))
        )
    elif not isinstance(runs[i].error, Refused):
        lines.append(("A mensagem do Python", _error_text(runs[i].error)))
    lines.append(("Onde rever", mistake.see))
    return Result(exercise.id, WRONG, tuple(lines), mistake.name)


def _unrecognised(exercise, cases, runs, expected) -> Result:
    i = next(i for i, run in enumerate(runs) if not _same(_outcome(run), expected[i]))
    run, shapes = runs[i], _shapes_text(exercise, cases[i])
    given = "As entradas eram" if exercise.asks == "função" else "A correção usou"
    if isinstance(run.error, Refused):
        return Result(exercise.id, WRONG, (("", str(run.error)),), "refused")
    if run.error is not None:
        lines = [(f"Sua {exercise.asks} parou com um erro", _error_text(run.error))]
        if gloss := _gloss(run.error):
            lines.append(("Em português", gloss))
        lines.append((given, shapes))
        return Result(exercise.id, WRONG, tuple(lines), "raised")
    if run.value is None:
        text = "Sua função devolveu None: falta um `return` com o resultado."
        if any(r.error is None and r.value is not None for r in runs):
            text = (
                f"No caso {i + 1}, sua função devolveu None: falta um `return` nesse "
                "caminho (o `else`?)."
            )
        if run.printed:
            text += " Mostrar com `print` não basta: o check lê o que ela devolve."
        return Result(exercise.id, WRONG, (("", text),), "none")
    got = _outcome(run)
    if any(part is ... for part in _raw(run.value)):
        text = "Uma das saídas ainda está com as reticências (...)."
        return Result(exercise.id, WRONG, (("", text),), "half")
    if isinstance(got, str):
        if len(exercise.outputs) > 1 and isinstance(run.value, tuple):
            kinds = ", ".join(type(part).__name__ for part in run.value)
            names = ", ".join(exercise.outputs)
            got = f"A função deve devolver ({names}), mas devolveu ({kinds})."
        elif len(expected[i]) == 1 and expected[i][0].dim() == 0:
            veio = "um texto" if isinstance(run.value, str) else _show(run.value)
            got = f"A função deve devolver um número, mas devolveu {veio}."
        return Result(exercise.id, WRONG, (("", got),), "type")
    if len(got) != len(expected[i]):
        names = ", ".join(exercise.outputs)
        text = (
            f"A função deve devolver {len(expected[i])} "
            f"{'tensor' if len(expected[i]) == 1 else 'tensores'} ({names}), "
            f"mas devolveu {len(got)}."
        )
        return Result(exercise.id, WRONG, (("", text),), "how-many")
    lines = [("Nos números", _difference(exercise, got, expected[i]))]
    right = sum(_same(_outcome(r), e) for r, e in zip(runs, expected))
    if right:
        verb = "bate" if right == 1 else "batem"
        lines.append(("", f"Já {verb} {right} de {len(runs)} casos."))
    lines.append((given, shapes))
    if run.changed:
        lines += _changed_lines(exercise, run)
    if run.printed:
        lines.append(("", "O que sua função imprimiu foi escondido."))
    text = (
        "Não reconheci este engano. Para investigar, "
        f'`case("{exercise.id}", {i + 1})` devolve as entradas deste caso.'
    )
    lines.append(("", text))
    return Result(exercise.id, WRONG, tuple(lines))


# --- respostas que são valores -------------------------------------------------------


def _grade_value(exercise: ValueExercise, answer) -> Result:
    want = exercise.answer() if callable(exercise.answer) else exercise.answer
    if callable(answer):
        text = (
            "O `check` espera um valor, mas chegou uma função: chame-a, com parênteses."
        )
        return Result(exercise.id, WRONG, (("", text),), "function")
    is_number = isinstance(want, float | int) and not isinstance(want, bool)
    wrongs = [m.wrong() if callable(m.wrong) else m.wrong for m in exercise.mistakes]
    is_pair = isinstance(answer, tuple) and len(answer) == 2
    if is_number and is_pair and not any(_same_value(answer, w, 0.0) for w in wrongs):
        first, second = answer
        text = f"Em Python, a vírgula faz um par: {first} e {second}. "
        if not isinstance(want, int):
            text += f"O separador decimal é o ponto: escreva {first}.{second}."
        elif isinstance(second, int) and 100 <= second <= 999:
            text += f"Escreva o número inteiro sem separador: {first}{second}."
        else:
            text += (
                f"O decimal é o ponto ({first}.{second}); aqui se espera um inteiro."
            )
        return Result(exercise.id, WRONG, (("", text),), "comma")
    if is_number and isinstance(answer, str):
        whole = isinstance(want, int)
        how = "escreva só os algarismos" if whole else "use ponto, não vírgula"
        text = (
            f"O `check` espera um número, mas chegou um texto: tire as aspas e {how}."
        )
        return Result(exercise.id, WRONG, (("", text),), "text")
    if isinstance(answer, Tensor | np.ndarray):
        answer = answer.squeeze().tolist()  # os eixos de tamanho 1 não contam
    is_many = isinstance(want, list | tuple) and len(want) > 1
    if is_number or is_many:
        answer = _only_element(answer)
    if _same_value(answer, want, exercise.tolerance):
        praise = (("", exercise.praise),) if exercise.praise else ()
        return Result(exercise.id, RIGHT, praise)
    short = ()
    if is_number and exercise.tolerance:
        cut = float(f"{want:.6f}"[:-4])  # duas casas, sem arredondar
        short = (round(want, 1), round(want, 2), cut)
    if answer in short and not any(_same_value(answer, w, 0.0) for w in wrongs):
        text = "Quase: o começo está certo, mas faltam casas. Responda com três."
        return Result(exercise.id, WRONG, (("", text),), "few-digits")
    for tolerance in (0.0, exercise.tolerance):  # o engano exato antes do vizinho
        for mistake, wrong in zip(exercise.mistakes, wrongs):
            if _same_value(answer, wrong, tolerance):
                lines = (
                    ("O que a resposta diz", mistake.what),
                    ("Onde rever", mistake.see),
                )
                return Result(exercise.id, WRONG, lines, mistake.name)
    part = is_number and 0 < want < 1
    if part and _same_value(answer, 100 * want, 100 * exercise.tolerance):
        text = "Parece porcentagem. Escreva um número entre 0 e 1, como 0.25."
        return Result(exercise.id, WRONG, (("", text),), "percent")
    text = f"A resposta {_show(answer)} não é a esperada, e não reconheci o engano."
    if is_many and not isinstance(answer, list | tuple):
        marks = ", ".join("…" * len(want))
        shown = f"[{marks}]" if isinstance(want, list) else f"({marks})"
        text = f"O `check` espera {len(want)} valores: `{shown}`."
        if isinstance(answer, str):
            text += " Chegou um texto: tire as aspas."
    elif is_many and isinstance(want[0], float) and _decimal_comma(answer, len(want)):
        text = (
            "Em Python, a vírgula separa os itens, e o decimal é o ponto: escreva cada "
            "número com ponto e sem aspas."
        )
        return Result(exercise.id, WRONG, (("", text),), "comma")
    if is_number and isinstance(answer, list | tuple):
        text = f"A pergunta pede um número só, mas vieram {len(answer)}."
    elif is_number:
        text += " Refaça a conta no papel, um passo por linha."
    return Result(exercise.id, WRONG, (("", text),))


def _decimal_comma(items, size: int) -> bool:
    """Números com vírgula: `["0,3", "0,1"]`, ou `[0,3, 0,1]`, que tem o dobro deles."""
    doubled = len(items) == 2 * size and all(type(x) is int for x in items)
    return doubled or any(isinstance(x, str) for x in items)


def _only_element(value):
    """O que há dentro de `[x]` ou `(x,)`; o resto fica como veio."""
    return value[0] if isinstance(value, list | tuple) and len(value) == 1 else value


def _same_value(a, b, tolerance: float) -> bool:
    """Iguais como texto (sem caixa nem espaços), como sequência ou como número."""
    if isinstance(a, Tensor | np.ndarray | np.generic):
        a = a.tolist()
    if isinstance(a, torch.Size):
        a = tuple(a)
    if isinstance(b, str):
        return isinstance(a, str) and a.strip().casefold() == b.strip().casefold()
    if isinstance(b, list | tuple):
        return (
            isinstance(a, list | tuple)
            and len(a) == len(b)
            and all(_same_value(x, y, tolerance) for x, y in zip(a, b))
        )
    if isinstance(a, bool) != isinstance(b, bool):
        return False
    try:
        return math.isclose(float(a), float(b), rel_tol=0.0, abs_tol=tolerance + 1e-9)
    except (TypeError, ValueError, OverflowError):
        return False


# --- rodar, comparar, dizer ----------------------------------------------------------


def _run(function, inputs: tuple, deadline: float | None = None, copy=True) -> _Run:
    """Roda a função sobre cópias: guarda o valor, o erro e as entradas alteradas.

    O que ela muda no PyTorch inteiro (o dtype padrão, o registro de gradientes) volta.
    """
    run, dtype = _Run(), torch.get_default_dtype()
    given = _copies(inputs) if copy else inputs
    seconds = None if deadline is None else deadline - time.monotonic()
    printed = io.StringIO()
    try:
        with (
            contextlib.redirect_stdout(printed),
            warnings.catch_warnings(),
            torch.enable_grad(),
            _time_limit(seconds),
        ):
            warnings.simplefilter("ignore")
            run.value = function(*given)
    except KeyboardInterrupt:  # o botão de parar
        raise
    except BaseException as error:
        run.error = error
    finally:
        torch.set_default_dtype(dtype)
    run.printed = bool(printed.getvalue())
    if copy:
        pairs = enumerate(zip(inputs, given))
        run.changed = [i for i, (before, after) in pairs if _altered(before, after)]
    return run


def _altered(before, after) -> bool:
    if isinstance(before, list):
        return before != after
    return isinstance(before, Tensor) and not (
        before.shape == after.shape
        and torch.equal(before.nan_to_num(), after.nan_to_num())
    )


@contextlib.contextmanager
def _time_limit(seconds: float | None):
    """Interrompe o bloco após `seconds`, como faria o botão de parar do Jupyter."""
    main = threading.current_thread() is threading.main_thread()
    if seconds is None or not main:
        yield
        return
    lock, state = threading.Lock(), {"open": True, "fired": False}
    tracer = sys.gettrace()

    def stop(signum, frame):
        # Um `except:` sem nome engoliria a interrupção: outra vem na linha seguinte.
        if state["open"] and state["fired"] and tracer is None:
            while frame is not None and frame.f_code.co_filename != __file__:
                frame.f_trace, frame = _interrupt_again, frame.f_back
            sys.settrace(_interrupt_again)
        raise KeyboardInterrupt

    # o nosso, também porque um processo aberto em segundo plano ignora o SIGINT
    before = signal.signal(signal.SIGINT, stop)

    def interrupt():
        with lock:
            if state["open"]:
                state["fired"] = True
                _thread.interrupt_main()

    timer = threading.Timer(max(seconds, 0.1), interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
        with lock:
            state["open"] = False
        if state["fired"]:  # a interrupção já foi pedida: espera que ela chegue
            time.sleep(1.0)
    except KeyboardInterrupt:
        if not state["fired"]:
            raise
        raise _TimeUp from None
    finally:
        sys.settrace(tracer)
        with lock:
            state["open"] = False
        timer.cancel()
        signal.signal(signal.SIGINT, before or signal.SIG_DFL)


def _interrupt_again(frame, event, argument):
    if event == "line":
        raise KeyboardInterrupt


def _copies(inputs: tuple) -> tuple:
    return tuple(
        t.clone()
        if isinstance(t, Tensor)
        else copying.deepcopy(t)
        if isinstance(t, list)
        else t
        for t in inputs
    )


def _is_number(value) -> bool:
    if isinstance(value, Tensor):
        return value.dim() == 0
    return isinstance(value, int | float | np.generic)


def _raw(value) -> list:
    return list(value) if isinstance(value, tuple) else [value]


def _tensors(value) -> list[Tensor]:
    return [_tensor(v) for v in _raw(value)]


def _tensor(value) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach().cpu()
    if isinstance(value, list | tuple):
        return torch.stack([_tensor(v) for v in value])
    return torch.as_tensor(np.asarray(value))


def _outcome(run: _Run):
    """O que se compara: lista de tensores, ou um texto que diz por que não há."""
    if run.error is not None:
        return f"{type(run.error).__name__}: {run.error}"
    if run.value is None:
        return "None"
    try:
        return _tensors(run.value)
    except Exception as error:
        if "equal size" in str(error):  # a queixa do `torch.stack`
            return "A lista devolvida tem itens de formas diferentes: não se empilham."
        veio = type(run.value).__name__
        return f"A função deve devolver um tensor de números, mas devolveu {veio}."


def _same(a, b) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return isinstance(a, str) and isinstance(b, str) and a == b
    return len(a) == len(b) and all(
        _fits(x, y).shape == y.shape
        and torch.allclose(_fits(x, y).double(), y.double(), RTOL, ATOL, equal_nan=True)
        for x, y in zip(a, b)
    )


def _fits(got: Tensor, want: Tensor) -> Tensor:
    """Onde se espera um número, um tensor de um elemento também vale."""
    return got.reshape(()) if want.dim() == 0 and got.numel() == 1 else got


def _difference(exercise: FunctionExercise, got, want) -> str:
    """O pior índice da primeira saída que não bate: esperado e obtido."""
    for name, g, w in zip(exercise.outputs, got, want):
        g = _fits(g, w)
        if g.shape != w.shape:
            text = (
                f"`{name}` deve ter a forma {tuple(w.shape)}, "
                f"mas veio {tuple(g.shape)}."
            )
            if w.dim() > 1 and g.shape == w.transpose(-2, -1).shape:
                text += " Os dois últimos eixos vieram trocados."
            return text
        gap = (g.double() - w.double()).abs().nan_to_num(torch.inf, torch.inf)
        bad = ~torch.isclose(g.double(), w.double(), RTOL, ATOL, equal_nan=True)
        if bad.any():
            where = np.unravel_index(int((gap * bad).argmax()), tuple(w.shape) or (1,))
            at = tuple(int(i) for i in where) if w.dim() else ()
            place = f" na posição {list(at)}" if at else ""
            a, b = w[at].item(), g[at].item()
            digits = 3 if _cell(a) != _cell(b) else 6
            text = (
                f"`{name}`{place}: esperado {_cell(a, digits)}, veio {_cell(b, digits)}"
            )
            if bad.numel() > 1:
                unit = "células" if w.dtype == torch.bool else "números"
                text += f"; batem {int((~bad).sum())} de {bad.numel()} {unit}"
            text += "."
            if abs(a - b) < 2e-3:
                text += " A diferença é pequena: algo na conta arredonda?"
            return text
    return "Os números batem."


def _cell(x, digits: int = 3) -> str:
    """Um número como se mostra: sem casas decimais, se é inteiro, True ou False."""
    return str(x).replace("-", "−") if isinstance(x, int) else decimal(x, digits)


def _changed_lines(exercise, run: _Run) -> list[tuple[str, str]]:
    names = _argument_names(exercise)
    which = " e ".join(f"`{names[i]}`" for i in run.changed)
    first = exercise.inputs()[0]
    if all(isinstance(first[i], list) for i in run.changed):
        text = (
            f"Sua função mudou a lista {which}, e quem a chamou ficou com outra. Em "
            "vez de `remove`, `pop` ou `reverse`, faça uma lista nova, como "
            "`list(words)` ou `words[1:]`."
        )
        return [("Entrada alterada", text)]
    text = (
        f"Sua função gravou por cima de {which}, e quem a chamou ficou com outro "
        "tensor. Troque a operação que grava por cima (`x[...] =`, `x += …`, "
        "`x.exp_()`, `masked_fill_`) por uma que devolve um tensor novo."
    )
    return [("Entrada alterada", text)]


def _argument_names(exercise) -> list[str]:
    return list(inspect.signature(exercise.reference).parameters)


def _gloss(error: BaseException) -> str:
    """O que costuma querer dizer uma mensagem do Python ou do PyTorch."""
    text = f"{type(error).__name__}: {error}"
    return next((pt for pattern, pt in GLOSSES if re.search(pattern, text)), "")


def _error_text(error: BaseException) -> str:
    """Tipo e texto da exceção, com a linha de quem estuda (sem caminho da máquina)."""
    text = re.sub(r"\s+", " ", str(error)).strip()
    text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    # fora o motor, os adaptadores das aulas e o que o PyTorch faz por dentro
    others = tuple(str(Path(file).parent) for file in (__file__, torch.__file__))
    theirs = [f for f in frames if not f.filename.startswith(others)]
    if theirs:
        own = [f for f in theirs if f.filename == theirs[0].filename][-1]
        line = linecache.getline(own.filename, own.lineno).strip()
        if line:
            text += f" — na linha `{line}`"
    return text


def _shapes_text(exercise, inputs: tuple) -> str:
    named = list(zip(_argument_names(exercise), inputs))
    shown = [
        f"`{name}` de forma {tuple(t.shape)}"
        if isinstance(t, Tensor)
        else f"`{name}` = {_show(t)}"
        for name, t in named
        if not _nameless(t)
    ]
    pieces = [f"`{name}`" for name, t in named if _nameless(t)]
    if pieces:
        kind = "função" if len(pieces) == 1 else "funções"
        shown.append(f"{', '.join(pieces)}: {kind}")
    return ", ".join(shown)


def _nameless(value) -> bool:
    """Uma função ou camada sem um `repr` feito pelas aulas para as mensagens."""
    return callable(value) and not type(value).__module__.startswith(__package__)


def _show(value) -> str:
    if isinstance(value, float):
        return decimal(value, 4)
    if isinstance(value, list) and value and all(isinstance(x, str) for x in value):
        return f"“{' '.join(value)}”"
    text = getattr(value, "__name__", repr(value).partition("\n")[0])
    return text if len(text) <= 60 else text[:57] + "..."


def _unsolved(exercise_id: str) -> Result:
    text = "Troque as reticências (...) pela sua resposta e rode a célula de novo."
    return Result(exercise_id, UNSOLVED, (("", text),))


def _code_spans(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text)


def reveal(guess: float | None, measured, digits: int = 2) -> None:
    """Mostra o valor medido ao lado da aposta feita antes de rodar.

    guess: o número apostado, ou None se não houve aposta
    measured: número ou tensor de um elemento

    >>> reveal(0.5, 0.25)
    Medido: 0,25. Sua aposta: 0,50 (0,25 acima).
    """
    value = float(measured)
    text = f"Medido: {decimal(value, digits)}."
    guess = None if guess is ... else guess
    if isinstance(guess, tuple) and len(guess) == 2:
        print(text, f"Na aposta, use ponto: {guess[0]}.{guess[1]}.")
        return
    if guess is None:
        print(text, "Você ainda não apostou.")
        return
    try:
        gap = float(guess) - value
    except (TypeError, ValueError, OverflowError):
        print(text, f"A aposta deve ser um número, como 0.5; veio {_show(guess)}.")
        return
    if math.isnan(gap):
        print(text, "A aposta deve ser um número, como 0.5; veio NaN.")
        return
    if 0 < value < 1 and float(guess) > 10:
        print(text, f"Uma fração vai de 0 a 1: {_show(guess)}% se escreve ", end="")
        print(f"{float(guess) / 100:g}.")
        return
    side = "acima" if gap > 0 else "abaixo"
    close = abs(gap) < 0.5 * 10**-digits
    distance = "na mosca" if close else f"{decimal(abs(gap), digits)} {side}"
    print(text, f"Sua aposta: {decimal(float(guess), digits)} ({distance}).")
