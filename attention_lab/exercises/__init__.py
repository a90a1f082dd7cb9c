"""Os exercícios de cada caderno e a correção que explica: ``check("3.1", f)``."""

from attention_lab.exercises import (
    lesson01,
    lesson02,
    lesson03,
    lesson04,
    lesson05,
    lesson06,
    lesson07,
    lesson08,
)
from attention_lab.exercises.engine import Result, find, grade, reveal

__all__ = ["CATALOGUE", "Result", "case", "check", "reveal"]

LESSONS = [
    lesson01,
    lesson02,
    lesson03,
    lesson04,
    lesson05,
    lesson06,
    lesson07,
    lesson08,
]
CATALOGUE = {exercise.id: exercise for m in LESSONS for exercise in m.EXERCISES}


def check(exercise_id: str, answer) -> Result:
    """Corrige a resposta de um exercício e diz o que viu nela.

    exercise_id: o número do exercício, como "3.1"
    answer: a sua função (sem parênteses) ou o seu valor
    Devolve: um resultado que se mostra sozinho na última linha da célula; vale True
        quando a resposta está certa. Nunca para o caderno por causa da resposta.

    >>> check("3.1", ...)
    3.1 · ainda não resolvido
      Troque as reticências (...) pela sua resposta e rode a célula de novo.
    """
    exercise, unknown = find(CATALOGUE, exercise_id)
    return unknown if exercise is None else grade(exercise, answer)


def case(exercise_id: str, number: int = 1) -> tuple:
    """As entradas de um caso da correção, para refazer a conta com elas.

    exercise_id: o número do exercício, como "3.1"
    number: qual caso, a partir de 1
    Devolve: uma tupla com as entradas, na ordem dos argumentos.
    Erro: ValueError se não há esse exercício ou esse caso.

    >>> q, k = case("3.1", 1)
    >>> q.shape, k.shape
    (torch.Size([5, 3]), torch.Size([7, 3]))
    """
    exercise, unknown = find(CATALOGUE, exercise_id)
    if unknown is not None:
        raise ValueError(unknown.lines[0][1])
    if not hasattr(exercise, "inputs"):
        raise ValueError(
            f"O exercício {exercise.id} se responde com um valor: não há casos."
        )
    cases = exercise.inputs()
    numbers = [str(i) for i in range(1, len(cases) + 1)]
    if str(number) not in numbers:
        raise ValueError(
            f"O exercício {exercise.id} tem {len(cases)} casos, de 1 a {len(cases)}, "
            f"mas veio {number!r}."
        )
    return cases[int(number) - 1]
