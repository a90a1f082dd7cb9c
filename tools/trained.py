"""Os modelos treinados que os infográficos e o diário descrevem, todos da semente 0.

São os experimentos dos cadernos, e cada um é treinado uma vez só por execução.
"""

from functools import cache

from attention_lab.experiments import lesson05, lesson06, lesson07, lesson08
from attention_lab.layers import GPT


@cache
def agreement_reader() -> lesson05.Reader:
    """O leitor do caderno 05, que responde o verbo do sujeito (uns 3 s)."""
    reader = lesson05.new_reader(seed=0)
    lesson05.teach(reader, seed=0)
    return reader


@cache
def language_model(causal: bool) -> GPT:
    """O modelo do caderno 06, com a máscara causal ou sem ela (uns 5 s)."""
    return lesson06.train_language_model(causal=causal)


@cache
def headline_reader(n_heads: int) -> lesson07.HeadlineReader:
    """O leitor de manchetes do caderno 07 (uns 5 s)."""
    return lesson07.train_reader(n_heads, seed=0)


@cache
def gpt() -> GPT:
    """O GPT do caderno 08, com 1 camada (uns 8 s)."""
    model = lesson08.new_language_model(seed=0, n_layers=1)
    lesson08.teach_language(model, lesson08.training_sentences(), seed=0)
    return model
