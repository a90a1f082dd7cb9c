"""A correção: reconhece os enganos, aceita o que está certo e nunca para o caderno."""

import contextlib
import io
import json
import math
import re
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import attention_lab
from attention_lab import SelfAttention, check, exercises
from attention_lab.exercises import CATALOGUE, engine, reveal
from attention_lab.exercises.engine import (
    RIGHT,
    UNSOLVED,
    WRONG,
    FunctionExercise,
    Mistake,
    ValueExercise,
    grade,
    sample,
)

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
MISTAKES = [(e, m) for e in CATALOGUE.values() for m in e.mistakes]


def answer_of(exercise, what):
    """A resposta que produz `what`: uma função do exercício, ou o valor."""
    if isinstance(exercise, ValueExercise) and callable(what):
        return what()
    return what


def right_answer(exercise):
    if isinstance(exercise, ValueExercise):
        return answer_of(exercise, exercise.answer)
    return exercise.reference


# --- o catálogo ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "exercise, mistake",
    MISTAKES,
    ids=lambda p: getattr(p, "name", getattr(p, "id", "")),
)
def test_each_mistake_gets_its_own_diagnosis(exercise, mistake):
    if isinstance(exercise, FunctionExercise) and exercise.adapt is not None:
        runs = [grade_adapted(exercise, mistake.wrong)]
    else:
        runs = [grade(exercise, answer_of(exercise, mistake.wrong))]
    for result in runs:
        assert result.mistake == mistake.name
        assert result.status == (UNSOLVED if mistake.untouched else WRONG)
        assert mistake.what in repr(result) and mistake.see in repr(result)


def grade_adapted(exercise, function):
    """Corrige a função dos casos sem passar por `adapt` (que recebe uma classe)."""
    return engine._grade_function(
        FunctionExercise(
            exercise.id,
            exercise.reference,
            exercise.inputs,
            exercise.mistakes,
            exercise.outputs,
            exercise.gradient,
        ),
        function,
    )


@pytest.mark.parametrize("exercise", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_catalogue_entry(exercise):
    assert len(exercise.mistakes) >= 4
    names = [m.name for m in exercise.mistakes]
    assert len(set(names)) == len(names)
    if isinstance(exercise, FunctionExercise) and exercise.adapt is not None:
        assert grade_adapted(exercise, exercise.reference)
    else:
        assert grade(exercise, right_answer(exercise))
    for untouched in (..., None):
        assert grade(exercise, untouched).status == UNSOLVED


def test_ids_follow_the_notebooks():
    assert len(CATALOGUE) == sum(len(lesson.EXERCISES) for lesson in exercises.LESSONS)
    for lesson in exercises.LESSONS:
        number = lesson.__name__.rsplit("lesson", 1)[1].lstrip("0")
        ids = [e.id for e in lesson.EXERCISES]
        assert ids == [f"{number}.{i + 1}" for i in range(len(ids))]


# --- os cadernos: pontos de partida e soluções ---------------------------------------


def cells(path, kind):
    document = json.loads(path.read_text(encoding="utf-8"))
    return ["".join(c["source"]) for c in document["cells"] if c["cell_type"] == kind]


def checked(code):
    return re.findall(r'check\(\s*"(\d\.\d)"', code)


def lesson_ids(path):
    return [i for i in CATALOGUE if i.split(".")[0] == path.stem[:2].lstrip("0")]


def run_collecting(code):
    """Executa a célula e devolve o que cada check respondeu."""
    results = []

    def collect(exercise_id, answer):
        results.append(check(exercise_id, answer))
        return results[-1]

    names = {n: getattr(attention_lab, n) for n in attention_lab.__all__}
    names |= {"torch": torch, "F": F, "math": math, "np": np, "nn": torch.nn}
    exec(code, names | {"check": collect})
    return results


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_each_stub_says_it_is_not_solved(path):
    stubs = [code for code in cells(path, "code") if checked(code)]
    assert [i for code in stubs for i in checked(code)] == lesson_ids(path)
    for code in stubs:
        assert [r.status for r in run_collecting(code)] == [UNSOLVED]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_each_solution_passes_its_check(path):
    pattern = r"<summary>Solução</summary>.*?</details>"
    found = []
    for text in cells(path, "markdown"):
        for details in re.findall(pattern, text, re.DOTALL):
            code = "\n".join(re.findall(r"```python\n(.*?)```", details, re.DOTALL))
            results = run_collecting(code)
            assert all(results), results
            found += [r.id for r in results]
    assert found == lesson_ids(path)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_diagnoses_point_to_sections_that_exist(path):
    """Seções do próprio caderno, ou de um anterior, com o número dele na frente."""
    places = {}
    for other in NOTEBOOKS:
        text = "\n".join(cells(other, "markdown"))
        prefix = "" if other == path else f"caderno {other.stem[:2]}, "
        for number, name in re.findall(r"^## (\d+)\. (.+)$", text, re.M):
            places[f"{prefix}seção {number}, “{name}”"] = other
    for exercise_id in lesson_ids(path):
        for mistake in CATALOGUE[exercise_id].mistakes:
            assert places[mistake.see].stem <= path.stem


def scores_by_loop(q, k):
    table = torch.zeros(len(q), len(k))
    for i in range(len(q)):
        for j in range(len(k)):
            table[i, j] = (q[i] * k[j]).sum()
    return table


# --- respostas hostis ----------------------------------------------------------------


def stable(scores, factor):
    scores = factor * scores
    exps = (scores - scores.amax(-1, keepdim=True)).exp()
    return exps / exps.sum(-1, keepdim=True)


def changes_input(scores, factor):
    scores *= factor
    return stable(scores, 1.0)


def divides_in_place(scores, factor):
    exps = (factor * scores - (factor * scores).amax(-1, keepdim=True)).exp()
    exps /= exps.sum(-1, keepdim=True)
    return exps


def without_gradient(scores, factor):
    with torch.no_grad():
        return stable(scores, factor)


def asks_for_a_wrong_shape(q, k):
    return torch.stack([q[i] * k[i] for i in range(len(k))])


def unbound(q, k):
    total = total + q  # noqa: F821
    return total


def recursive(q, k):
    return recursive(q, k)


def raises_exit(q, k):
    sys.exit(1)


def pops_the_list(words):
    before = words.pop(0)
    while words[0] != "■":
        before = words.pop(0)
    return int(before in ("os", "as"))


def only_when_plural(words):
    if words[words.index("■") - 1] in ("os", "as"):
        return 1


def raises(error):
    def answer(q, k):
        raise error

    return answer


def transposed_in_place(x, n_heads):
    x = x.unflatten(-1, (n_heads, -1))
    x.transpose_(1, 2)
    return x


class WithoutForward(SelfAttention):
    forward = torch.nn.Module.forward  # o nome errado deixa a da classe-mãe

    def foward(self, x):
        return x


class OneProjection(SelfAttention):
    def __init__(self, d_in, d_k, d_v):
        super().__init__(d_in, d_k, d_v)
        self.W_k = self.W_q


def hidden_inside(scores, factor):
    def rows(table):
        return torch.nn.functional.softmax(table, -1)

    return rows(factor * scores)


@pytest.mark.parametrize(
    "exercise_id, answer, mistake, words",
    [
        ("3.1", lambda q, k: None, "none", "devolveu None"),
        ("3.1", lambda q, k: print(q @ k.T), "none", "print"),
        ("3.1", asks_for_a_wrong_shape, "raised", "IndexError"),
        ("3.1", asks_for_a_wrong_shape, "raised", "q[i] * k[i]"),
        (
            "3.1",
            asks_for_a_wrong_shape,
            "raised",
            "`q` de forma (5, 3), `k` de forma (7, 3)",
        ),
        ("3.1", lambda q: q, "raised", "TypeError"),
        ("3.1", recursive, "raised", "RecursionError"),
        ("3.1", raises_exit, "raised", "SystemExit"),
        ("3.1", lambda q, k: "texto", "type", "devolveu str"),
        ("3.1", lambda q, k: (q @ k.T, q), "how-many", "devolveu 2"),
        ("3.1", torch.zeros(5, 7), "not-a-function", "sem parênteses"),
        ("3.1", lambda q, k: q @ k.T + 1, "", "Não reconheci"),
        ("3.1", lambda q, k: (q @ k.T) * torch.nan, "", "NaN"),
        ("3.3", changes_input, "in-place", "gravou por cima de `scores`"),
        ("3.3", lambda s, f: stable(s, f).detach(), "gradient", "gradiente"),
        ("3.3", lambda s, f: stable(s, f).numpy(), "gradient", "numpy"),
        ("3.3", divides_in_place, "gradient", "a = a / b"),
        ("3.3", without_gradient, "gradient", "no_grad"),
        ("3.3", lambda s, f: (f * s).softmax(-1), "ready-made", "`softmax`"),
        ("3.3", lambda s, f: stable(s, f).round(decimals=3), "", "arredonda"),
        ("3.1", lambda q, k: q @ k[0].T[None], "raised", "Em português"),
        ("3.1", "my_scores", "not-a-function", "tire as aspas"),
        ("3.5", lambda x: (x, ...), "half", "reticências"),
        ("3.4", lambda x: x, "how-many", "devolveu 1"),
        ("3.1", unbound, "raised", "antes de receber um valor"),
        ("3.1", lambda q, k: q[k], "raised", "inteiro, uma fatia"),
        (
            "3.1",
            lambda q, k: torch.cat([q, k], 1),
            "raised",
            "no eixo em que se juntam",
        ),
        ("3.1", lambda q, k: torch.stack([q, k]), "raised", "em todos"),
        ("3.1", lambda q, k: q if q > 0 else k, "raised", "um número por vez"),
        ("3.1", lambda q, k: q.T.view(-1), "raised", "use `reshape`"),
        ("3.2", (0, 117), "comma", "0.117"),
        ("3.2", "0.117", "text", "aspas"),
        ("3.2", 11.7, "percent", "porcentagem"),
        ("3.2", lambda: 0.117, "function", "parênteses"),
        ("3.2", 0.119, "forgot-zero", "e⁰ = 1"),
        ("3.2", 0.12, "few-digits", "Responda com três"),
        ("3.2", 0.11, "few-digits", "Responda com três"),
        ("3.1", lambda q, k: q[:, None, None, :, 0, 0], "raised", "menos eixos"),
        ("3.1", lambda q, k: [q[:n] for n in (1, 2)], "type", "formas diferentes"),
        ("3.1", lambda q, k: [], "type", "devolveu list"),
        ("3.2", 0.9999, "", "não reconheci"),
        ("3.2", [1, 2], "", "um número só, mas vieram 2"),
        ("1.1", 10**400, "", "não é a esperada"),
        ("1.2", (9, 97), "comma", "aqui se espera um inteiro"),
        ("1.2", (1, 250), "comma", "sem separador: 1250"),
        ("1.2", 999, "", "não reconheci"),
        ("1.5", pops_the_list, "in-place", "mudou a lista `words`"),
        ("1.5", only_when_plural, "none", "No caso 1, sua função devolveu None"),
        ("1.5", lambda words: "plural", "type", "um número, mas devolveu um texto"),
        ("1.5", lambda words: words.split(), "raised", "já é uma lista de palavras"),
        ("2.2", lambda p, v: p.long().softmax(0) @ v, "raised", "`.float()`"),
        ("2.4", lambda p, t: p ^ t, "raised", "a potência é `**`"),
        ("3.1", lambda q, k: torch.cat([q, 1]), "raised", "só juntam tensores"),
        ("3.1", lambda q, k: torch.tensor([q, 1]), "raised", "`torch.cat`"),
        ("3.1", lambda q, k: q @ k.T(), "raised", "`.T` e `.mT` não levam"),
        ("3.1", lambda q, k: q.sum - k, "raised", "faltam os parênteses"),
        ("3.1", lambda q, k: q(k), "raised", "foi chamado como função"),
        ("3.1", lambda q, k: torch.cat(q, k), "raised", "recebem uma lista"),
        ("3.1", lambda q, k: q.append(k), "raised", "não cresce com `append`"),
        ("3.1", lambda q, k: torch.cat([q, k.sum()]), "raised", "é um número só"),
        ("3.1", raises(GeneratorExit), "raised", "GeneratorExit"),
        ("7.3", transposed_in_place, "gradient", "grava por cima"),
        ("5.4", WithoutForward, "refused", "confira o nome, e se ele está alinhado"),
        ("5.4", OneProjection, "refused", "W_q e W_k são a mesma matriz"),
        (
            "6.2",
            lambda T, w: ~torch.ones(T, T).tril(-w),
            "raised",
            "`dtype=torch.bool`",
        ),
        ("6.2", lambda T, w: torch.ones(T) & torch.ones(T), "raised", "booleanas"),
        ("3.3", hidden_inside, "ready-made", "`softmax`"),
        ("3.3", lambda s, f: torch.softmax(f * s, -1), "ready-made", "`softmax`"),
        ("3.4", lambda x: (None, None), "type", "(NoneType, NoneType)"),
        ("9.9", 1, "", "Não há exercício '9.9'"),
    ],
)
def test_hostile_answers_get_a_message(exercise_id, answer, mistake, words, capsys):
    result = check(exercise_id, answer)
    assert result.status == WRONG and result.mistake == mistake
    assert words in repr(result)
    assert capsys.readouterr() == ("", "")
    assert "Traceback" not in repr(result) and str(Path.cwd()) not in repr(result)


@pytest.mark.parametrize("ignored", [False, True])
def test_a_loop_that_never_ends_is_interrupted(request, monkeypatch, ignored):
    """Também num processo que ignora o SIGINT, como o de ``python -m pytest &``."""
    monkeypatch.setattr(engine, "TIME_LIMIT", 0.3)
    handler = signal.SIG_IGN if ignored else signal.default_int_handler
    before = signal.signal(signal.SIGINT, handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))

    def endless(q, k):
        while True:
            with contextlib.suppress(Exception):
                q @ k.T

    start = time.monotonic()
    result = check("3.1", endless)
    assert result.mistake == "time" and time.monotonic() - start < 5
    assert check("3.1", scores_by_loop)  # e o estado ficou inteiro
    assert signal.getsignal(signal.SIGINT) == handler


@pytest.mark.skipif(sys.gettrace() is not None, reason="há um depurador")
def test_a_loop_that_swallows_every_error_is_interrupted_too(monkeypatch):
    monkeypatch.setattr(engine, "TIME_LIMIT", 0.3)

    def endless(q, k):
        while True:
            try:
                time.sleep(0.001)
                return q @ k
            except:  # noqa: E722
                pass

    start = time.monotonic()
    assert check("3.1", endless).mistake == "time" and time.monotonic() - start < 5
    assert sys.gettrace() is None and check("3.1", scores_by_loop)


def test_the_time_the_inputs_take_is_not_the_answers(monkeypatch):
    exercise, clock = CATALOGUE["3.1"], [0.0]

    def slow_inputs():
        clock[0] += 2 * engine.TIME_LIMIT  # num computador lento
        return exercise.inputs()

    def answer(q, k):
        time.sleep(0.2)  # mais que o mínimo que o motor dá
        return scores_by_loop(q, k)

    monkeypatch.setitem(CATALOGUE, "3.1", replace(exercise, inputs=slow_inputs))
    monkeypatch.setattr(engine.time, "monotonic", lambda: clock[0])
    assert check("3.1", answer)


def test_check_does_not_depend_on_the_state_of_pytorch_nor_changes_it(request):
    request.addfinalizer(lambda: torch.set_grad_enabled(True))
    torch.set_grad_enabled(False)  # alguém o desligou no caderno
    assert check("7.3", lambda x, n: x.unflatten(-1, (n, -1)).transpose(1, 2))
    assert not torch.is_grad_enabled()
    torch.set_grad_enabled(True)

    def changes_it(x, n):
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        return x.unflatten(-1, (n, -1)).transpose(1, 2)

    assert check("7.3", changes_it).mistake == "gradient"
    assert torch.is_grad_enabled() and torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize("wrap", [list, tuple, torch.tensor])
def test_a_list_a_tuple_and_a_tensor_are_worth_the_same(wrap):
    """Também onde se espera um número só, e vem um tensor de um elemento."""
    assert check("1.5", lambda w: wrap([int(w[w.index("■") - 1] in ("os", "as"))]))
    right = CATALOGUE["2.4"].reference
    assert check("2.4", lambda p, t: wrap(right(p, t).tolist()))


def test_a_function_of_the_notebook_with_the_name_is_not_ready_made():
    code = "def softmax(s):\n    e = (s - s.amax(-1, keepdim=True)).exp()\n"
    code += "    return e / e.sum(-1, keepdim=True)\n"
    code += "def answer(s, f):\n    return softmax(f * s)\n"
    notebook = {}
    exec(code, notebook)
    assert check("3.3", notebook["answer"])


def test_the_number_comes_first():
    assert "vem primeiro" in repr(check(scores_by_loop, "3.1"))


@pytest.mark.parametrize(
    "arguments, words",
    [(("3.2",), "não há casos"), (("3.1", "x"), "de 1 a"), (("3.1", 0), "veio 0")],
)
def test_case_says_what_there_is(arguments, words):
    with pytest.raises(ValueError, match=words):
        exercises.case(*arguments)
    assert exercises.case("3.1", "1")[0].shape == (5, 3)


def test_a_person_who_interrupts_is_obeyed():
    def interrupted(q, k):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("3.1", interrupted)


def test_the_stream_of_random_numbers_is_not_disturbed():
    torch.manual_seed(5)
    want = torch.rand(2)
    torch.manual_seed(5)
    check("3.1", scores_by_loop)
    assert torch.equal(torch.rand(2), want)


def test_inputs_are_asymmetric_and_sizes_distinct():
    for exercise in CATALOGUE.values():
        if isinstance(exercise, FunctionExercise):
            for inputs in exercise.inputs():
                for tensor in inputs:
                    if isinstance(tensor, torch.Tensor) and tensor.dim() > 1:
                        assert len(set(tensor.shape)) == tensor.dim(), exercise.id


# --- o motor, com exercícios inventados ----------------------------------------------


def mask_exercise():
    return FunctionExercise(
        "0.1",
        reference=lambda n: torch.ones(n, n, dtype=torch.bool).tril(),
        inputs=lambda: [(3,), (4,)],
        mistakes=[],
        outputs=("mask",),
    )


def test_a_mask_must_be_boolean():
    assert grade(mask_exercise(), lambda n: np.tri(n, dtype=bool))
    result = grade(mask_exercise(), lambda n: torch.ones(n, n).tril())
    assert result.mistake == "not-bool"


def test_a_class_is_adapted():
    exercise = FunctionExercise(
        "0.2",
        reference=lambda x: 2 * x,
        inputs=lambda: [sample(0, (2, 3))],
        mistakes=[Mistake("triple", lambda x: 3 * x, "Triplicou.", "seção 1, “x”")],
        adapt=lambda cls: lambda x: cls()(x),
    )

    class Double(torch.nn.Module):
        def forward(self, x):
            return x + x

    class Triple(torch.nn.Module):
        def forward(self, x):
            return x + x + x

    class Broken(torch.nn.Module):
        def __init__(self):
            raise ValueError("tamanhos")

    assert grade(exercise, Double)
    assert grade(exercise, Triple).mistake == "triple"
    assert "ValueError: tamanhos" in repr(grade(exercise, Broken))


@pytest.mark.parametrize(
    "want, right, wrong",
    [
        ("linha", " Linha ", "coluna"),
        ((2, 3), torch.Size([2, 3]), (3, 2)),
        ([1, 2], np.array([1, 2]), [1]),
        (True, True, 1),
        (4, 4.0, 5),
    ],
)
def test_values_of_other_kinds(want, right, wrong):
    exercise = ValueExercise("0.3", want, mistakes=[])
    assert grade(exercise, right)
    assert not grade(exercise, wrong)


def test_html_escapes_what_the_student_wrote():
    def answer(q, k):
        raise ValueError("<script>alert(1)</script>")

    html = check("3.1", answer)._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert "background:#FFFFFF" in html and "color:#1F2933" in html


def test_status_is_seen_without_colour():
    for answer, sign in [(scores_by_loop, "✓"), (..., "…"), (0, "✗")]:
        assert sign in check("3.1", answer)._repr_html_()


@pytest.mark.parametrize(
    "guess, words",
    [
        (None, "Você ainda não apostou"),
        (0.5, "0,50 (0,25 acima)"),
        (0.1, "0,10 (0,15 abaixo)"),
        (0.2501, "na mosca"),
        ((0, 5), "use ponto: 0.5"),
        (..., "Você ainda não apostou"),
        (float("nan"), "veio NaN"),
        (25, "25% se escreve 0.25"),
        ("muito", "deve ser um número"),
        (10**400, "deve ser um número"),
    ],
)
def test_reveal(guess, words):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        reveal(guess, torch.tensor(0.25))
    assert out.getvalue().startswith("Medido: 0,25.") and words in out.getvalue()


def test_case_gives_the_inputs_of_a_check():
    q, k = exercises.case("3.1", 2)
    assert q.shape == (1, 4) and k.shape == (6, 4)
    for bad in [("3.1", 0), ("3.1", 3), ("3.2", 1), ("9.9", 1)]:
        with pytest.raises(ValueError, match=r"3\.1|3\.2|9\.9"):
            exercises.case(*bad)


def test_right_has_the_word_for_it():
    assert check("3.1", scores_by_loop).status == RIGHT == "certo"
