"""Um GPT-2 do Hugging Face, pequeno e ao acaso, guardado em disco e lido por nós."""

import json
import sys

import pytest
import torch
from torch.testing import assert_close

from attention_lab import GPT, GPTConfig
from attention_lab.efficient import sdpa_attention
from attention_lab.gpt2 import copy_gpt2, download, gpt_config, load_gpt2
from attention_lab.layers import ablate

transformers = pytest.importorskip("transformers", reason="falta transformers")
safetensors = pytest.importorskip("safetensors.torch", reason="falta safetensors")

SIZES = {"vocab_size": 31, "n_positions": 20, "n_embd": 12, "n_head": 3, "n_layer": 2}


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**SIZES)).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # nada em 0 nem em 1: tudo conta
            parameter.normal_(std=0.3)
    return model


@pytest.fixture
def folder(theirs, tmp_path):
    theirs.save_pretrained(tmp_path)
    return tmp_path


@pytest.fixture
def ids():
    return torch.randint(31, (2, 17), generator=torch.Generator().manual_seed(1))


def small(**changes):
    torch.manual_seed(0)
    sizes = {"vocab_size": 31, "context_length": 20, "d_model": 12}
    return GPT(GPTConfig(**(sizes | {"n_heads": 3, "n_layers": 2} | changes)))


@torch.no_grad()
def test_same_logits_from_a_folder(theirs, folder, ids):
    ours = load_gpt2(folder)
    assert not ours.training
    assert_close(ours(ids)[0], theirs(ids).logits, rtol=1e-5, atol=1e-5)
    fast = load_gpt2(str(folder), attend=sdpa_attention)
    assert_close(fast(ids)[0], theirs(ids).logits, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_same_logits_from_many_files(theirs, tmp_path, ids):
    theirs.save_pretrained(tmp_path, max_shard_size="8KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert_close(load_gpt2(tmp_path)(ids)[0], theirs(ids).logits, rtol=1e-5, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("prefix", ["transformer.", ""])
def test_same_logits_from_a_state_dict(theirs, ids, prefix):
    tensors = {
        name.replace("transformer.", prefix): t
        for name, t in theirs.state_dict().items()
    }
    tensors[f"{prefix}h.0.attn.bias"] = torch.ones(1, 1, 20, 20)  # versões antigas
    tensors[f"{prefix}h.0.attn.masked_bias"] = torch.tensor(-1e4)
    ours = small()
    copy_gpt2(ours, tensors, n_heads=3)
    assert_close(ours(ids)[0], theirs(ids).logits, rtol=1e-5, atol=1e-5)


def without(name):
    return lambda tensors: tensors.pop(name)


def extra(tensors):
    tensors["transformer.h.2.ln_1.weight"] = torch.ones(12)


def transposed(tensors):
    name = "transformer.h.1.mlp.c_fc.weight"
    tensors[name] = tensors[name].T


def untied(tensors):
    tensors["lm_head.weight"] = tensors["lm_head.weight"] + 1


def quantized(tensors):
    name = "transformer.h.1.mlp.c_fc.weight"
    tensors[name] = tensors[name].to(torch.int8)


def twice(tensors):
    tensors["wte.weight"] = tensors["transformer.wte.weight"]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (quantized, r"h\.1\.mlp\.c_fc\.weight deve ter números reais.*int8"),
        (twice, "1 tensores vieram duas vezes"),
        (without("transformer.wpe.weight"), r"Faltam 1 .*wpe\.weight"),
        (extra, r"Sobram 1 .*h\.2\.ln_1\.weight"),
        (
            transposed,
            r"h\.1\.mlp\.c_fc\.weight deve ter a forma \(12, 48\).*\(48, 12\)",
        ),
        (untied, r"lm_head\.weight difere de wte\.weight"),
    ],
)
def test_a_wrong_checkpoint_leaves_the_model_as_it_was(theirs, spoil, message):
    tensors = dict(theirs.state_dict())
    spoil(tensors)
    model = small()
    before = {n: t.clone() for n, t in model.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        copy_gpt2(model, tensors, n_heads=3)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])


@pytest.mark.parametrize("change", [{"bias": False}, {}])
def test_a_model_with_other_parts_stays_as_it_was(theirs, change):
    model = small(**change)
    if not change:
        ablate(model, "mlp")
    before = {n: t.clone() for n, t in model.state_dict().items()}
    with pytest.raises(ValueError, match=r"bias=True.*diferença: blocks\.0"):
        copy_gpt2(model, theirs.state_dict(), n_heads=3)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_wrong_sizes(theirs, folder):
    with pytest.raises(ValueError, match="GPT-2 tem 3 cabeças, mas o modelo tem 4"):
        copy_gpt2(small(n_heads=4), theirs.state_dict(), n_heads=3)
    with pytest.raises(ValueError, match="GPT-2 tem 3 cabeças, mas o modelo tem 4"):
        load_gpt2(folder, n_heads=4)
    with pytest.raises(ValueError, match=r"Sobram 12 .*, …"):
        copy_gpt2(small(n_layers=1), theirs.state_dict(), n_heads=3)
    four = [n for n in theirs.state_dict() if n.startswith("transformer.h.0.mlp.")]
    tensors = {n: t for n, t in theirs.state_dict().items() if n not in four}
    with pytest.raises(ValueError, match=r"Faltam 4 [^…]*$"):  # cabem todos
        copy_gpt2(small(), tensors, n_heads=3)


def test_two_files_with_the_same_tensors(folder):
    model = (folder / "model.safetensors").read_bytes()
    (folder / "old.safetensors").write_bytes(model)
    with pytest.raises(ValueError, match=r"mais de um arquivo.*old\.safetensors"):
        load_gpt2(folder)


def test_an_ablated_model_is_refused(theirs):
    with pytest.raises(ValueError, match="nenhuma peça removida"):
        copy_gpt2(ablate(small(), "residual"), theirs.state_dict(), n_heads=3)


def test_a_head_in_another_dtype_is_still_tied(theirs, ids):
    tensors = dict(theirs.state_dict())
    tensors["lm_head.weight"] = tensors["lm_head.weight"].half()
    ours = small()
    copy_gpt2(ours, tensors, n_heads=3)
    assert_close(ours(ids)[0], theirs(ids).logits, rtol=1e-5, atol=1e-5)


def test_folders_that_do_not_serve(folder, tmp_path_factory):
    empty = tmp_path_factory.mktemp("vazia")
    with pytest.raises(FileNotFoundError, match=r"Falta config\.json"):
        load_gpt2(empty)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(FileNotFoundError, match=r"safetensors.*pickle"):
        load_gpt2(folder)
    (folder / "model.safetensors").write_bytes(b"isto nao e safetensors")
    with pytest.raises(ValueError, match="safetensors não é safetensors legível"):
        load_gpt2(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(ValueError, match="JSON"):
        load_gpt2(folder)
    (folder / "config.json").write_text("[]")
    with pytest.raises(ValueError, match=r"objeto.*\[\]"):
        load_gpt2(folder)
    (folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ValueError, match="'bert'"):
        load_gpt2(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_head": None}, "Falta em config.json: n_head"),
        ({"activation_function": "relu"}, "activation_function='relu'.*gelu_new"),
        ({"layer_norm_epsilon": 1e-6}, "layer_norm_epsilon=1e-06"),
        ({"n_inner": 7}, "n_inner=7"),
        ({"scale_attn_weights": False}, "scale_attn_weights=False"),
        (
            {"scale_attn_by_inverse_layer_idx": True},
            "scale_attn_by_inverse_layer_idx=True",
        ),
        ({"tie_word_embeddings": False}, "tie_word_embeddings=False"),
        ({"add_cross_attention": True}, "add_cross_attention=True"),
        ({"n_head": 5}, "n_heads=5.*d_model=12"),
        ({"n_embd": "12"}, "n_embd='12', mas deve ser um inteiro"),
        ({"n_layer": 0}, "n_layer=0, mas deve ser um inteiro"),
    ],
)
def test_configs_that_do_not_serve(folder, change, message):
    config = json.loads((folder / "config.json").read_text()) | change
    config = {name: value for name, value in config.items() if value is not None}
    with pytest.raises(ValueError, match=message):
        gpt_config(config)


def test_configs_that_say_the_same_in_other_words(folder):
    same = {"n_inner": 48, "activation_function": "gelu_pytorch_tanh"}
    assert gpt_config(SIZES | same) == gpt_config(SIZES)
    config = json.loads((folder / "config.json").read_text())
    del config["model_type"]
    (folder / "config.json").write_text(json.dumps(config))
    assert load_gpt2(folder).config.n_layers == 2


def test_without_the_hub_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(FileNotFoundError, match=r"dono/nome.*huggingface_hub"):
        download("dono/nome")


def test_without_internet(monkeypatch):
    hub = pytest.importorskip("huggingface_hub", reason="falta huggingface_hub")

    def offline(*args, **kwargs):
        raise OSError("sem rede")

    monkeypatch.setattr(hub, "snapshot_download", offline)
    with pytest.raises(ConnectionError, match=r"dono/nome.*internet"):
        download("dono/nome")


def test_a_hub_id_is_downloaded_at_the_revision(monkeypatch, folder):
    hub = pytest.importorskip("huggingface_hub", reason="falta huggingface_hub")
    asked = []

    def from_disk(name, *, revision, allow_patterns):
        asked.append((name, revision, allow_patterns))
        return str(folder)

    monkeypatch.setattr(hub, "snapshot_download", from_disk)
    assert load_gpt2("dono/nome", revision="refs/pr/2").config.n_heads == 3
    assert load_gpt2("dono/nome", attend=sdpa_attention).config.n_layers == 2
    safe = ["config.json", "*.safetensors"]  # nada de pickle
    assert asked == [("dono/nome", "refs/pr/2", safe), ("dono/nome", None, safe)]
