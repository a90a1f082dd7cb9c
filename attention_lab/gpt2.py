"""Os parâmetros publicados do GPT-2 dentro do nosso ``GPT``.

Só lê safetensors (ou um dicionário de tensores já na memória): nada de pickle, que
executaria o código de quem publicou o arquivo.
"""

import json
from pathlib import Path

import torch
from torch import Tensor

from attention_lab.layers import GPT, GPTConfig, TransformerBlock

SIZES = {  # nome no config.json → nome no GPTConfig
    "vocab_size": "vocab_size",
    "n_positions": "context_length",
    "n_embd": "d_model",
    "n_head": "n_heads",
    "n_layer": "n_layers",
}
# O que um GPT-2 pode pedir e o nosso GPT não faz, ou só faz de um jeito.
FIXED = {
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "layer_norm_epsilon": (1e-5,),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "tie_word_embeddings": (True,),
    "add_cross_attention": (False,),
}


def load_gpt2(source, *, revision: str | None = None, **options) -> GPT:
    """Um ``GPT`` com os parâmetros de um GPT-2 publicado, pronto para usar.

    source: a pasta com config.json e model.safetensors, ou o nome de um modelo no
        Hugging Face ("dono/nome"), que é baixado (precisa de internet)
    revision: a versão a baixar, do Hugging Face: um ramo, uma etiqueta ou um commit
        (sem ela, a do ramo main); com uma pasta, não se usa
    options: o que muda no ``GPTConfig``, como ``attend=sdpa_attention``
    Devolve: o modelo, em ``eval()``.
    Erro: FileNotFoundError se falta um arquivo; ConnectionError se não se pôde
        baixar; ValueError se o que há nos arquivos não é um GPT-2 que caiba.
    Fonte: Radford et al., 2019, o GPT-2; nomes dos tensores: Hugging Face, GPT2Model.
    """
    folder = Path(source)
    if not folder.is_dir():
        folder = download(str(source), revision)
    config = read_config(folder)
    model = GPT(gpt_config(config, **options))
    copy_gpt2(model, read_tensors(folder), n_heads=config["n_head"])
    return model.eval()


def copy_gpt2(model: GPT, tensors: dict[str, Tensor], *, n_heads: int) -> None:
    """Copia os tensores de um GPT-2 para um ``GPT`` do mesmo tamanho.

    tensors: nome do Hugging Face → tensor, com ou sem o prefixo "transformer."
    n_heads: em quantas cabeças o GPT-2 reparte a largura (nenhum tensor o diz)
    Erro: ValueError se falta ou sobra um tensor, se uma forma não bate ou se o número
        de cabeças é outro; nesse caso o modelo fica como estava.
    """
    config = model.config
    if n_heads != config.n_heads:
        raise ValueError(
            f"O GPT-2 tem {n_heads} cabeças, mas o modelo tem {config.n_heads}: os "
            "tensores caberiam, e a conta sairia outra."
        )
    short = {name.removeprefix("transformer."): t for name, t in tensors.items()}
    if len(short) < len(tensors):
        raise ValueError(
            f"{len(tensors) - len(short)} tensores vieram duas vezes, com e sem o "
            "prefixo 'transformer.'."
        )
    tensors = short
    head = tensors.pop("lm_head.weight", None)
    for name in [n for n in tensors if n.endswith((".attn.bias", ".masked_bias"))]:
        del tensors[name]  # a máscara causal, que algumas versões guardam
    check_names(set(tensors), set(gpt2_shapes(config)))
    check_shapes(tensors, gpt2_shapes(config))
    check_floats(tensors)
    if head is not None and not torch.equal(head, tensors["wte.weight"].to(head.dtype)):
        raise ValueError(
            "lm_head.weight difere de wte.weight: este GPT-2 não tem os embeddings "
            "amarrados, e o nosso GPT tem."
        )
    ours = to_our_names(tensors, config)
    other = sorted(ours.keys() ^ model.state_dict().keys())
    if other or any(type(block) is not TransformerBlock for block in model.blocks):
        raise ValueError(
            "O modelo não tem as mesmas peças de um GPT-2, que usa bias=True e nenhuma "
            f"peça removida. A diferença: {', '.join(other[:4])}."
        )
    model.load_state_dict(ours)


def gpt_config(config: dict, **options) -> GPTConfig:
    """O ``GPTConfig`` de um config.json de GPT-2.

    Erro: ValueError se falta um tamanho ou se o modelo pede o que o ``GPT`` não faz.
    """
    missing = [name for name in SIZES if name not in config]
    if missing:
        raise ValueError(f"Falta em config.json: {', '.join(missing)}.")
    for name in SIZES:
        if type(config[name]) is not int or config[name] < 1:
            raise ValueError(
                f"config.json diz {name}={config[name]!r}, mas deve ser um inteiro "
                "de 1 em diante."
            )
    for name, allowed in (FIXED | {"n_inner": (None, 4 * config["n_embd"])}).items():
        value = config.get(name, allowed[0])
        if value not in allowed:
            raise ValueError(
                f"config.json diz {name}={value!r}, mas o nosso GPT só faz "
                f"{' ou '.join(map(repr, allowed))}."
            )
    sizes = {ours: config[theirs] for theirs, ours in SIZES.items()}
    return GPTConfig(**(sizes | options))


def gpt2_shapes(config: GPTConfig) -> dict[str, tuple[int, ...]]:
    """Os tensores de um GPT-2 desse tamanho: nome do Hugging Face → forma."""
    d = config.d_model
    shapes = {
        "wte.weight": (config.vocab_size, d),
        "wpe.weight": (config.context_length, d),
    }
    norms = ["ln_f"]
    for i in range(config.n_layers):
        norms += [f"h.{i}.ln_1", f"h.{i}.ln_2"]
        for name, wide_in, wide_out in [
            ("attn.c_attn", d, 3 * d),  # Q, K e V lado a lado
            ("attn.c_proj", d, d),
            ("mlp.c_fc", d, 4 * d),
            ("mlp.c_proj", 4 * d, d),
        ]:
            shapes[f"h.{i}.{name}.weight"] = (wide_in, wide_out)  # transposta de Linear
            shapes[f"h.{i}.{name}.bias"] = (wide_out,)
    return shapes | {f"{n}.{part}": (d,) for n in norms for part in ("weight", "bias")}


def to_our_names(tensors: dict[str, Tensor], config: GPTConfig) -> dict[str, Tensor]:
    """Os mesmos números com os nomes do nosso ``GPT``: Q, K e V separados."""
    ours = {
        "tokens.weight": tensors["wte.weight"],
        "positions.weight": tensors["wpe.weight"],
    }
    pairs = {"norm": "ln_f"}
    for i in range(config.n_layers):
        block, theirs = f"blocks.{i}", f"h.{i}"
        pairs |= {f"{block}.norm_1": f"{theirs}.ln_1"}
        pairs |= {f"{block}.norm_2": f"{theirs}.ln_2"}
        weights = tensors[f"{theirs}.attn.c_attn.weight"].T.chunk(3)  # 3 × (d, d)
        biases = tensors[f"{theirs}.attn.c_attn.bias"].chunk(3)
        for name, weight, bias in zip("qkv", weights, biases, strict=True):
            ours[f"{block}.attention.W_{name}.weight"] = weight
            ours[f"{block}.attention.W_{name}.bias"] = bias
        for name, other in [
            ("attention.W_o", "attn.c_proj"),
            ("mlp.0", "mlp.c_fc"),
            ("mlp.2", "mlp.c_proj"),
        ]:
            ours[f"{block}.{name}.weight"] = tensors[f"{theirs}.{other}.weight"].T
            ours[f"{block}.{name}.bias"] = tensors[f"{theirs}.{other}.bias"]
    for name, other in pairs.items():
        for part in ("weight", "bias"):
            ours[f"{name}.{part}"] = tensors[f"{other}.{part}"]
    return ours


# --- arquivos ------------------------------------------------------------------------


def read_config(folder: Path) -> dict:
    path = folder / "config.json"
    if not path.is_file():
        raise FileNotFoundError(f"Falta config.json na pasta {folder.name!r}.")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"config.json não é um JSON legível: {error}") from None
    if not isinstance(config, dict):
        raise ValueError(f"config.json deve ter um objeto {{…}}, mas veio {config!r}.")
    kind = config.get("model_type", "gpt2")
    if kind != "gpt2":
        raise ValueError(f"config.json é de um modelo {kind!r}; aqui só cabe 'gpt2'.")
    return config


def read_tensors(folder: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise FileNotFoundError(
            f"Não há arquivo .safetensors na pasta {folder.name!r}. Um "
            "pytorch_model.bin não serve: é pickle, e abri-lo executa código."
        )
    tensors = {}
    for path in files:
        try:
            new = load_file(path)
        except Exception as error:
            raise ValueError(
                f"{path.name} não é safetensors legível: {error}"
            ) from None
        again = sorted(new.keys() & tensors.keys())
        if again:
            raise ValueError(
                f"{len(again)} tensores estão em mais de um arquivo .safetensors da "
                f"pasta ({path.name} repete {again[0]}): deixe só os do modelo."
            )
        tensors |= new
    return tensors


def download(name: str, revision: str | None = None) -> Path:
    """Baixa do Hugging Face só o config.json e os safetensors; devolve a pasta."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise FileNotFoundError(
            f"Não há uma pasta {name!r}, e sem o pacote huggingface_hub não se pode "
            "procurar esse nome na internet."
        ) from None
    try:
        patterns = ["config.json", "*.safetensors"]
        return Path(snapshot_download(name, revision=revision, allow_patterns=patterns))
    except Exception as error:
        raise ConnectionError(
            f"Não há uma pasta {name!r}, e não foi possível baixar esse modelo "
            f"({type(error).__name__}). Confira o nome e a internet."
        ) from None


def check_names(came: set[str], expected: set[str]) -> None:
    for names, what in [(expected - came, "Faltam"), (came - expected, "Sobram")]:
        if names:
            some = ", ".join(sorted(names)[:4])
            more = ", …" if len(names) > 4 else ""
            raise ValueError(
                f"{what} {len(names)} dos tensores de um GPT-2 deste tamanho: "
                f"{some}{more}."
            )


def check_floats(tensors: dict[str, Tensor]) -> None:
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise ValueError(
                f"{name} deve ter números reais, mas veio {tensor.dtype}: um modelo "
                "quantizado guarda códigos, e não os pesos."
            )


def check_shapes(tensors: dict[str, Tensor], shapes: dict) -> None:
    for name, shape in shapes.items():
        if tuple(tensors[name].shape) != shape:
            raise ValueError(
                f"{name} deve ter a forma {shape}, mas veio "
                f"{tuple(tensors[name].shape)}."
            )
