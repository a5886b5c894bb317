"""Every public name, given what makes no sense: one sentence of ours, never Python's own error.

`PLACES` lists calls that work; each of their arguments is then replaced by each odd value.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clearprop as cp
from clearprop.errors import ClearPropError, OutOfMemoryError
from clearprop.operations import TABLE
from clearprop.optimizers import OPTIMIZERS
from clearprop.training.schedules import SCHEDULES, Given, schedule

ODD: dict[str, Any] = {
    "None": None,
    "5": 5,
    "-1": -1,
    "'x'": "x",
    "[]": [],
    "{}": {},
    "nan": float("nan"),
    "object()": object(),
    "True": True,
    "['x']": ["x"],
    "b'x'": b"x",
    "-10**400": -(10**400),
    "an array": np.zeros((2, 3, 2)),
    "1.5": 1.5,
}

X = np.linspace(-1, 1, 16).reshape(8, 2)
Y = X[:, :1].copy()
TABLE_OF_DATA = {"a": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "y": [2.0, 4.0, 6.0, 8.0, 10.0, 12.0]}


def _net() -> cp.Network:
    return cp.Network([2, 3, 1], "tanh")


NET = _net()
P = NET.initial(0)
MODEL = cp.train(NET, X, Y, epochs=1)
RUN: dict[str, Any] = {
    "network": NET, "X": X, "Y": Y, "optimizer": "adam", "learning_rate": 0.01, "epochs": 1,
    "batch_size": 4, "validation": 0.5, "sample_weight": np.ones(8), "seed": 0,
    "schedule": "constant", "dropout_schedule": "constant", "decay_schedule": "constant",
    "clip": 1.0, "early_stopping": True, "patience": 1, "min_delta": 0.0,
    "metric": lambda y, a: 0.0, "monitor": "cost", "greater_is_better": True,
    "precision": "float32", "threads": 1, "engine": "native", "parameters": P, "callbacks": (),
    "time_limit": 10.0, "max_steps": 2, "checkpoint": "run", "checkpoint_seconds": 1.0,
    "resume": False,
}  # fmt: skip


def _square(**changed: Any) -> cp.Function:
    given: dict[str, Any] = {
        "name": "square_of_odd_values",
        "attrs": (),
        "definition": lambda x, attrs: x**2,
        "slope": lambda x, attrs: 2 * x,
        "value": lambda x, attrs: x * x,
        "derivative": lambda x, attrs: 2 * x,
        "kernel": "x * x",
        "kernel_vjp": "dy * 2 * x",
        "saves": "x",
        "kinks": lambda attrs: (),
    }
    return cp.Function(**(given | changed))


def _cost(**changed: Any) -> cp.Cost:
    given: dict[str, Any] = {
        "name": "cost_of_odd_values",
        "definition": lambda a, y, attrs: a - y,
        "slope": lambda a, y, attrs: a - y,
        "value": lambda a, y, attrs: (a - y).sum(axis=-1),
        "linked": None,
        "linked_slope": None,
        "link": "identity",
        "target": "real",
    }
    return cp.Cost(**(given | changed))


def _called(layer: Callable[..., Any], x: Any = None) -> Callable[..., Any]:
    """A layer made and called on a value."""

    def call(**given: Any) -> Any:
        return layer(**given)(cp.Input(4) if x is None else x)

    return call


Place = tuple[Callable[..., Any], dict[str, Any]]


def _layers() -> dict[str, Place]:
    x = cp.Input(4)
    trained = {"members": 0, "name": "h", "lr_factor": 1.0, "decay_factor": 1.0}
    return {
        "Input": (cp.Input, {"width": 2, "name": "n"}),
        "Input of levels": (cp.Input, {"levels": 2, "name": "n"}),
        "Dense": (_called(cp.Dense), {
            "units": 3, "activation": "tanh", "parametric": False, "bias": "unit",
            "initial": "zeros", "bias_initial": "zeros", "penalised": True, **trained,
        }),
        "Embedding": (_called(cp.Embedding, cp.Input(levels=3)), {
            "units": 3, "initial": "zeros", **trained
        }),
        "Scale": (_called(cp.Scale), {"initial": "ones", **trained}),
        "Activation": (_called(cp.Activation), {
            "function": "relu", "parametric": True, **trained
        }),
        "leaky_relu": (_called(cp.Activation), {"function": "leaky_relu", "slope": 0.1}),
        "Dropout": (_called(cp.Dropout), {"rate": 0.5, "name": "d"}),
        "a layer's call": (lambda x: cp.Dense(2)(x), {"x": x}),
        "concat": (lambda a, b: cp.concat(a, b), {"a": x, "b": x}),
        "value +": (lambda a: x + a, {"a": x}),
        "+ value": (lambda a: a + x, {"a": x}),
    }  # fmt: skip


def _networks() -> dict[str, Place]:
    x = cp.Input(2)
    given = {"parameters": P, "X": X, "Y": Y, "sample_weight": np.ones(8), "at": None}
    return {
        "Network": (cp.Network, {
            "layers": [2, 3, 1], "activation": "tanh", "output": "identity", "l2": 0.1,
            "cost": "huber", "bias": "unit", "dropout": 0.1, "labels": {"a3": ["y"]}, "delta": 1.0,
        }),
        "Network of values": (cp.Network, {"inputs": x, "outputs": cp.Dense(1)(x)}),
        "Network of a graph": (cp.Network, {"graph": NET.graph}),
        "from_json": (cp.Network.from_json, {"text": NET.to_json()}),
        "initial": (NET.initial, {"seed": 0, "X": X}),
        "forward": (NET.forward, {"parameters": P, "X": X}),
        "one parameter": (lambda w: NET.forward({**P, "W1": w}, X), {"w": P["W1"]}),
        "cost": (NET.cost, {key: given[key] for key in list(given)[:4]}),
        "gradient": (NET.gradient, given),
        "trace": (NET.trace, given),
        "sample_gradients": (NET.sample_gradients, given),
        "targets": (NET.targets, {"Y": Y}),
        "Parameters": (cp.Parameters, {"graph": NET.graph, "flat": np.zeros(NET.graph.size)}),
        "plan": (cp.plan, {"network": NET, "optimizer": "adam", "fuse": True}),
    }  # fmt: skip


def _runs() -> dict[str, Place]:
    training = cp.Training(NET, X, Y, epochs=10**6)
    return {
        "Training": (lambda **given: cp.Training(**given).run(), RUN),
        "train": (cp.train, {**RUN, "progress": None}),
        "rows to validate": (
            lambda x, y, w: cp.train(NET, X, Y, epochs=1, validation=(x, y, w)),
            {"x": X, "y": Y, "w": np.ones(8)},
        ),
        "advance": (training.advance, {"steps": 1}),
        "advance by seconds": (training.advance, {"seconds": 1e-3}),
        "restore": (training.restore, {"path": "missing"}),
        "save a checkpoint": (training.save, {"path": "saved"}),
        "predict": (MODEL.predict, {"X": X}),
        "evaluate": (MODEL.evaluate, {"X": X, "Y": Y, "sample_weight": np.ones(8)}),
        "save": (MODEL.save, {"path": "m.clearprop", "overwrite": True}),
        "load": (cp.load, {"path": "missing"}),
        "Model": (cp.Model, {
            "network": NET, "parameters": MODEL.parameters, "target": MODEL.target, "encoder": None,
            "columns": [], "history": MODEL.history, "provenance": {},
        }),
        "Interrupted": (cp.Interrupted, {"model": MODEL}),
        "train_many": (cp.train_many, {
            "runs": [{"seed": 0}, {"rows": [0, 1, 5]}], "X": X, "Y": Y, "network": NET,
            "threads": 2, "diverged": "keep", "progress": None, "checkpoint": "runs",
            "resume": False, "epochs": 1, "seed": 1, "learning_rate": 0.1,
        }),
        "one of train_many": (
            lambda **run: cp.train_many([{}, run], X, Y, network=NET, epochs=1),
            {"rows": [0, 1], "l2": 0.1, "network": NET, "seed": 3, "sample_weight": np.ones(8)},
        ),
        "InterruptedMany": (cp.InterruptedMany, {"models": [MODEL]}),
    }  # fmt: skip


def _rules() -> dict[str, Place]:
    found: dict[str, Place] = {}
    for optimizer in OPTIMIZERS.values():
        settings = {attr.name: attr.default for attr in optimizer.attrs}
        found[optimizer.__name__] = (optimizer, settings)
    for kind in SCHEDULES.values():
        own = {attr.name: attr.default for attr in kind.attrs}
        found[kind.__name__] = (kind, own | ({"then": "cosine"} if kind.name == "warm_up" else {}))
    found["Given"] = (Given, {"rates": [0.1]})
    found["schedule"] = (schedule, {"given": "cosine"})
    return found


def _rows() -> dict[str, Place]:
    row = _square()
    return {
        "Function": (_square, {name: getattr(row, name) for name in
                               ("name", "attrs", "definition", "slope", "value", "derivative",
                                "kernel", "kernel_vjp", "saves", "kinks")}),
        "Cost": (_cost, {"name": "c", "definition": len, "slope": len, "value": len,
                         "linked": None, "linked_slope": None, "link": "identity",
                         "target": "real"}),
        "register": (cp.register, {"row": row}),
    }  # fmt: skip


def _readers() -> dict[str, Place]:
    return {
        "train_table": (cp.train_table, {
            "data": TABLE_OF_DATA, "target": "y", "hidden": [2], "activation": "relu",
            "optimizer": "adam", "learning_rate": 0.01, "schedule": "constant",
            "dropout_schedule": "constant", "decay_schedule": "constant", "epochs": 1,
            "batch_size": 2, "validation": 0.5, "test": 0.0, "l2": 0.0, "dropout": 0.0,
            "members": 1, "task": "regression", "columns": {}, "drop": (), "seed": 0,
            "precision": "float32", "threads": 1, "patience": 1, "progress": None,
        }),
        "derive": (cp.derive, {"network": NET, "notation": "matrix", "parameters": P, "X": X[:1],
                               "Y": Y[:1]}),
        "check_gradient": (cp.check_gradient, {
            "network": NET, "parameters": P, "X": X, "Y": Y, "gradient": NET.gradient(P, X, Y),
        }),
    }  # fmt: skip


PLACES: dict[str, Place] = {
    **_layers(), **_networks(), **_runs(), **_rules(), **_rows(), **_readers()
}  # fmt: skip


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Rows registered here are gone afterwards, and so are files."""
    monkeypatch.setattr(TABLE, "_rows", dict(TABLE._rows))
    monkeypatch.chdir(tmp_path)


def raised(call: Callable[..., Any], given: dict[str, Any]) -> BaseException | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            call(**given)
    except Exception as error:
        return error
    return None


@pytest.mark.parametrize("place", PLACES)
def test_an_odd_value_gets_one_sentence_of_ours_wherever_it_is_given(place: str) -> None:
    call, given = PLACES[place]
    wrong = []
    for name in given:
        for word, value in ODD.items():
            error = raised(call, {**given, name: value})
            if error is None:
                continue
            told = str(error)
            sentence = isinstance(error, ClearPropError) and "\n" not in told and len(told) < 600
            if not sentence:
                wrong.append(f"{place}({name}={word}): {type(error).__name__}: {told[:200]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", cp._HOME)
def test_every_public_name_is_swept(name: str) -> None:
    public = getattr(cp, name)
    if inspect.isclass(public) and issubclass(public, Exception) and name != "Interrupted":
        return
    others = {"Derivation", "Notation", "check_function"}  # made by derive; a file of one's own
    others |= {
        one for one, room in cp._HOME.items() if room == "estimators"
    }  # scikit-learn's rules
    assert name in PLACES or name in others


# -- what is said ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("call", "parts"),
    [
        (lambda: cp.Network([2, 3], cost=5), "cost is the name of a cost, or a list|got 5"),
        (lambda: cp.Network([2, 3, 1], 5), "activation is the name of a function|got 5"),
        (lambda: cp.Network([2, 3], labels=5), "labels are a dict|got 5"),
        (lambda: cp.Network(graph=5), "graph is a Graph, got 5"),
        (lambda: cp.Network.from_json(5), "the network is JSON text, got 5"),
        (lambda: cp.Network.from_json(None), "the network is JSON text, got None"),
        (lambda: cp.Network([2, 99999999999, 2]), "at most 2147483647 units, got 99999999999"),
        (lambda: np.ones(2) + cp.Input(2), "add was called on ndarray"),
        (lambda: sum([cp.Input(2), cp.Input(2)]), "add was called on int"),
        (lambda: cp.Dense(2, ["relu"]), "there is no function ['relu']; there are 'identity'"),
        (lambda: cp.Network([2, 1], cost=[["huber"]]), "there is no cost ['huber']"),
        (lambda: cp.Dense(2, initial=["zeros"]), "initial must be a text, got ['zeros']"),
        (lambda: cp.Input(2) + cp.Input(3), "add: expected values of one width, got 2 and 3"),
        (lambda: cp.plan(5), "plan takes a Network or its graph, got 5"),
        (lambda: cp.train(5, X, Y), "train takes a Network, got 5"),
        (lambda: cp.train(NET, X, Y, epoch=3), "no setting 'epoch'; did you mean 'epochs'?"),
        (lambda: cp.train(NET, X, Y, foo=1), "no setting 'foo'; there are"),
        (lambda: cp.train(NET, X, Y, progress=5), "progress is a function of a Progress or None"),
        (lambda: cp.train(NET, X, Y, schedule=["cosine"]), "schedule is a name|got ['cosine']"),
        (lambda: cp.train(NET, X, Y, optimizer=["adam"]), "there is no optimizer ['adam']"),
        (lambda: NET.forward({**P, "Q": 1}, X), "parameters has no place for 'Q'; there are 'W1'"),
        (lambda: NET.gradient(P, X, Y, at=5), "at is a clearprop.backprop.Position or None, got 5"),
        (lambda: NET.initial(10**400), "seed"),
    ],
)
def test_a_wrong_type_is_told_with_the_value_and_what_belongs_there(
    call: Callable[[], object], parts: str
) -> None:
    with pytest.raises(ClearPropError) as caught:
        call()
    message = str(caught.value)
    for part in parts.split("|"):
        assert part in message, message
    assert not message.startswith("add: add:")


def test_a_schedule_that_is_a_class_is_asked_for_as_an_object() -> None:
    with pytest.raises(ClearPropError, match=r"give an object, Cosine\(\), not the class"):
        cp.train(NET, X, Y, schedule=SCHEDULES["cosine"])


def test_a_plan_of_a_network_is_the_plan_of_its_graph() -> None:
    assert cp.plan(NET).steps == cp.plan(NET.graph).steps
    assert cp.plan(NET, "adam").steps == cp.plan(NET.graph, cp.Adam()).steps


def test_a_network_no_memory_holds_is_refused_before_it_is_filled() -> None:
    net = cp.Network([10**6, 10**6, 1])
    message = r"1,000,002,000,001 parameters, .* takes 8000 GB, more than the .* GB of this machine"
    with pytest.raises(MemoryError, match=message) as caught:
        net.initial(0)
    assert isinstance(caught.value, ClearPropError)
    wide = cp.Network([2, 10**9, 10**3, 1])
    with pytest.raises(MemoryError, match=r"what training keeps of them takes .* smaller layers"):
        cp.train(wide, X, Y)


def test_memory_that_is_not_free_is_told_in_the_same_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*shape: object) -> None:
        raise MemoryError

    monkeypatch.setattr("clearprop.network.network.np.zeros", full)
    with pytest.raises(OutOfMemoryError, match=r"13 parameters, .* more than is free: take fewer"):
        NET.initial(0)


def test_a_model_with_a_row_of_ones_own_says_to_register_it_before_loading(tmp_path: Path) -> None:
    row = cp.register(_square())
    net = cp.Network([2, 3, 1], row.name)
    model = cp.train(net, X, Y, epochs=1, engine="reference")
    path = model.save(tmp_path / "m.clearprop")
    del TABLE._rows[row.name]
    with pytest.raises(ClearPropError) as caught:
        cp.load(path)
    assert "register it with clearprop.register before loading" in str(caught.value)
    assert row.name in str(caught.value) and "train again" not in str(caught.value)
    with pytest.raises(
        ClearPropError, match=r"register it with clearprop\.register before loading"
    ):
        cp.Network.from_json(net.to_json())
    cp.register(row)
    assert cp.load(path).predict(X).tobytes() == model.predict(X).tobytes()


def test_numbers_of_numpy_are_numbers_and_truth_values_are_none() -> None:
    net = cp.Network(inputs=(x := cp.Input(np.int64(2))), outputs=cp.Dense(np.uint8(1))(x))
    given = {"epochs": np.int32(2), "batch_size": np.int64(4), "seed": np.uint64(3)}
    one = cp.train(net, X, Y, **given, learning_rate=np.float32(0.5), clip=np.float64(1))
    two = cp.train(net, X, Y, epochs=2, batch_size=4, seed=3, learning_rate=0.5, clip=1)
    assert one.parameters.flat.tobytes() == two.parameters.flat.tobytes()
    for call in (
        lambda: cp.Dense(True),
        lambda: cp.Input(True),
        lambda: cp.Network([2, True]),
        lambda: cp.Adam(True),
        lambda: cp.train(net, X, Y, epochs=True),
        lambda: net.initial(True),
    ):
        with pytest.raises(ClearPropError, match="True"):
            call()
