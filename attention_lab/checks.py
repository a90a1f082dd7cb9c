"""As conferências de entrada da escada: o que era esperado, o que veio, com números."""

import torch
from torch import Tensor


def check_tensors(min_axes: int = 2, **tensors: Tensor) -> None:
    first_name, first = next(iter(tensors.items()))
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            veio = type(tensor).__name__
            raise TypeError(f"{name} deve ser um torch.Tensor, mas veio {veio}.")
        if not tensor.is_floating_point():
            raise TypeError(
                f"{name} deve ter números reais (float32, por exemplo), "
                f"mas veio {tensor.dtype}."
            )
        if tensor.dim() < min_axes:
            raise ValueError(
                f"{name} deve ter {min_axes} eixos ou mais, "
                f"mas veio a forma {tuple(tensor.shape)}."
            )
        if tensor.dtype != first.dtype and not autocast(tensor):
            raise TypeError(
                f"{name} é {tensor.dtype}, mas {first_name} é {first.dtype}: "
                "use o mesmo dtype."
            )
        if tensor.device != first.device:
            raise ValueError(
                f"{name} está em {tensor.device}, mas {first_name} está em "
                f"{first.device}: use o mesmo dispositivo."
            )


def autocast(tensor: Tensor) -> bool:
    """O autocast, que escolhe o dtype de cada conta, está ligado neste dispositivo?"""
    kind = tensor.device.type
    return kind in ("cpu", "cuda", "mps") and torch.is_autocast_enabled(kind)


def check_same_width(q: Tensor, k: Tensor) -> None:
    if q.shape[-1] != k.shape[-1] or q.shape[-1] == 0:
        raise ValueError(
            f"q tem d_k={q.shape[-1]}, mas k tem d_k={k.shape[-1]}: "
            "devem ser iguais e maiores que 0."
        )


def check_batch_axes(**tensors: Tensor) -> None:
    leads = [tensor.shape[:-2] for tensor in tensors.values()]
    if all(lead == leads[0] for lead in leads):
        return
    try:
        torch.broadcast_shapes(*leads)
    except RuntimeError:
        shapes = [str(tuple(tensor.shape)) for tensor in tensors.values()]
        *names, last = tensors
        raise ValueError(
            f"os eixos de batch de {', '.join(names)} e {last} não combinam: vieram as "
            f"formas {', '.join(shapes[:-1])} e {shapes[-1]}."
        ) from None


def check_function(**functions) -> None:
    for name, function in functions.items():
        if function is not None and not callable(function):
            raise TypeError(
                f"{name} deve ser uma função, como um nn.Dropout, mas veio {function}."
            )


def check_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> None:
    check_tensors(q=q, k=k, v=v)
    check_same_width(q, k)
    if k.shape[-2] != v.shape[-2] or k.shape[-2] == 0:
        raise ValueError(
            f"k tem {k.shape[-2]} tokens (T_k), mas v tem {v.shape[-2]}: "
            "cada chave precisa do seu valor, e de ao menos uma chave."
        )
    check_batch_axes(q=q, k=k, v=v)
    if mask is None:
        return
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        veio = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        raise TypeError(f"mask deve ser bool (True = pode olhar), mas veio {veio}.")
    if mask.device != q.device:
        raise ValueError(f"mask está em {mask.device}, mas q está em {q.device}.")
    lead = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2])
    scores = (*lead, q.shape[-2], k.shape[-2])
    pairs = list(zip(reversed(mask.shape), reversed(scores), strict=False))
    if mask.dim() > len(scores) or any(size not in (1, full) for size, full in pairs):
        raise ValueError(
            f"mask tem a forma {tuple(mask.shape)}, que não cabe nos escores "
            f"(..., T_q, T_k) = {tuple(scores)}."
        )
