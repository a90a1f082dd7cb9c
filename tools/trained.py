"""Os modelos que os infográficos, o diário e os testes descrevem, já treinados.

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
def language_model(causal: bool, seed: int) -> GPT:
    """O modelo do caderno 06, com a máscara causal ou sem ela (uns 5 s)."""
    return lesson06.train_language_model(causal=causal, seed=seed)


@cache
def headline_reader(n_heads: int) -> lesson07.HeadlineReader:
    """O leitor de manchetes do caderno 07 (uns 5 s)."""
    return lesson07.train_reader(n_heads, seed=0)


@cache
def sentences():
    """As 20 000 frases com que o GPT do caderno 08 treina."""
    return lesson08.training_sentences()


@cache
def gpt(seed: int) -> GPT:
    """O GPT do caderno 08, com 1 camada (uns 5 s): com 2, não fica melhor."""
    model = lesson08.new_language_model(seed=seed, n_layers=1)
    lesson08.teach_language(model, sentences(), seed=seed)
    return model


@cache
def small_gpt(seed: int, *missing: str, n_layers: int = 2) -> GPT:
    """O da ablação (2 s): d_model = 32, 150 passos de 32 frases, sem missing."""
    model = lesson08.new_language_model(
        seed=seed, parts=missing, d_model=32, n_layers=n_layers
    )
    lesson08.teach_language(model, sentences(), seed=seed, steps=150, batch_size=32)
    return model


@cache
def copier(n_layers: int, seed: int) -> GPT:
    """O da indução (8 s com duas camadas, 4 s com uma)."""
    model = lesson08.new_copier(n_layers, seed=seed)
    lesson08.teach_to_copy(model, seed=seed)
    return model
