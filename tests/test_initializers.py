"""Initial values: as their sources say, a function of seed, name, member and place alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

import clearprop as cp
from clearprop.errors import SettingError
from clearprop.initializers import DATA_DRIVEN, INITIALIZERS, initial
from clearprop.network import Network

N_IN, N_OUT = 150, 100
FIRST_BITS = ["-0x1.eb5dce8d722c3p-4", "-0x1.752560769b52cp-1", "-0x1.5deb9d49484dap-1",
              "-0x1.0bc6bda3698e4p+0"]  # fmt: skip

#: (limit of the uniform, or None; variance) by the paper's formula, n_in = 150, n_out = 100
SOURCES = {
    "glorot_uniform": (math.sqrt(6 / 250), 2 / 250),  # Glorot & Bengio 2010, eq. 16 and 12
    "glorot_normal": (None, 2 / 250),
    "he_uniform": (math.sqrt(6 / 150), 2 / 150),  # He et al. 2015, eq. 10
    "he_normal": (None, 2 / 150),
    "lecun_uniform": (math.sqrt(3 / 150), 1 / 150),  # LeCun et al. 1998, eq. 16
    "lecun_normal": (None, 1 / 150),
    "normal": (None, 1.0),
    "signs": (1.0, 1.0),
}


def dense(initial, units=N_OUT, width=N_IN, **settings):
    x = cp.Input(width)
    return Network(inputs=x, outputs=cp.Dense(units, initial=initial, **settings)(x))


def weights(name, seed=0, **settings):
    return dense(name, **settings).initial(seed)["W1"]


@pytest.mark.parametrize("name", SOURCES)
def test_the_moments_are_those_of_the_source(name):
    limit, variance = SOURCES[name]
    w = weights(name)
    n = w.size
    assert abs(w.mean()) < 4 * math.sqrt(variance / n)
    assert w.var() == pytest.approx(variance, rel=6 * math.sqrt(2 / n))
    if limit is not None:
        assert np.abs(w).max() <= limit
        assert np.abs(w).max() > 0.999 * limit
    else:  # a normal reaches beyond three deviations, and has the kurtosis 3
        assert np.abs(w).max() > 3 * math.sqrt(variance)
        assert ((w / w.std()) ** 4).mean() == pytest.approx(3, abs=0.25)


def test_signs_and_constants_are_what_they_say():
    assert set(np.unique(weights("signs")).tolist()) == {-1.0, 1.0}
    assert (weights("zeros") == 0).all()
    assert (weights("ones") == 1).all()


@pytest.mark.parametrize(("rows", "columns"), [(40, 40), (20, 50), (50, 20), (1, 7)])
def test_orthogonal_is_orthogonal(rows, columns):
    w = weights("orthogonal", units=rows, width=columns)
    small = w @ w.T if rows <= columns else w.T @ w
    assert np.abs(small - np.eye(min(rows, columns))).max() < 1e-13


def test_rotations_are_all_equally_likely():
    # without the correction of signs, the diagonal of Q would have one sign
    diagonals = [np.diag(weights("orthogonal", seed, units=4, width=4)) for seed in range(60)]
    share = (np.array(diagonals) > 0).mean(axis=0)
    assert (np.abs(share - 0.5) < 0.25).all()


def test_the_default_follows_the_function():
    variances = {"tanh": 2 / 250, "identity": 2 / 250, "relu": 2 / 150, "silu": 2 / 150,
                 "selu": 1 / 150}  # fmt: skip
    x = cp.Input(N_IN)
    for function, variance in variances.items():
        w = Network(inputs=x, outputs=cp.Dense(N_OUT, function)(x)).initial(0)["W1"]
        assert w.var() == pytest.approx(variance, rel=0.06), function


def test_biases_start_at_zero_scales_and_mixes_at_one():
    x = cp.Input(3)
    out = cp.Dense(2, "tanh", parametric=True)(cp.Scale()(x))
    p = Network(inputs=x, outputs=out).initial(9)
    assert p["b2"].tolist() == [0, 0]
    assert p["s1"].tolist() == [1, 1, 1]
    assert p["alpha2"].tolist() == [1, 1]


def test_the_same_seed_and_name_give_the_same_bits_whatever_stands_around():
    small, large = Network([4, 3, 2]), Network([4, 3, 3, 3, 2])
    assert np.array_equal(small.initial(5)["W1"], large.initial(5)["W1"])
    assert np.array_equal(small.initial(5).flat, Network([4, 3, 2]).initial(5).flat)
    assert not np.array_equal(small.initial(5)["W1"], small.initial(6)["W1"])


def test_the_bits_are_these():
    # a change here changes every model trained from a seed
    first = Network([2, 2], "tanh").initial(0)["W1"]
    assert [float(w).hex() for w in first.ravel()] == FIRST_BITS


def test_no_two_names_draw_alike():
    net = Network([3] * 400)
    drawn = net.initial(0)
    seen = {drawn[f"W{number}"].tobytes() for number in range(1, 400)}
    assert len(seen) == 399


def test_members_differ_and_a_member_is_the_same_among_few_or_many():
    few, many = (weights("he_normal", members=k, units=3, width=2) for k in (2, 5))
    assert few.shape == (2, 3, 2)
    assert np.array_equal(few, many[:2])
    assert len({w.tobytes() for w in many}) == 5


def test_every_initialiser_has_the_parameters_shape():
    for name in INITIALIZERS:
        assert weights(name, units=3, width=2, members=2).shape == (2, 3, 2)


# -- looking at data ----------------------------------------------------------------------------
@pytest.fixture
def rows(rng):
    return rng.normal(size=(500, 6)) * [1, 10, 0.1, 3, 1, 1] + [0, 5, 0, -2, 1, 0]


def test_standardising_gives_every_unit_a_deviation_of_one(rows):
    x = cp.Input(6)
    h = cp.Dense(8, "tanh", initial="standardising")(x)
    net = Network(inputs=x, outputs=cp.Dense(5, initial="standardising")(h))
    trace = net.trace(net.initial(3, X=rows), rows, np.zeros((500, 5)))
    assert np.allclose(trace["z2"].std(axis=0), 1.0, rtol=1e-12)
    assert np.allclose(trace["z3"].std(axis=0), 1.0, rtol=1e-12)


def test_standardising_leaves_a_constant_unit_alone():
    net = dense("standardising", units=2, width=1)
    assert np.isfinite(net.initial(0, X=np.ones((5, 1)))["W1"]).all()


def test_he_plus_5_puts_each_kink_within_five_rows(rows):
    net = dense("he_normal", units=50, width=6, bias_initial="he_plus_5")
    p = net.initial(1, X=rows)
    z = rows @ p["W1"].T  # without the bias
    assert (-p["b1"] >= z.min(axis=0)).all()
    assert (-p["b1"] <= z.max(axis=0)).all()
    spread = np.abs(-p["b1"] - z.mean(axis=0)) / z.std(axis=0)
    assert 0.2 < np.sqrt((spread**2).mean()) < 0.8  # a mean of five with weights: about 0.58
    assert len(set(p["b1"].tolist())) == 50


def test_members_look_at_their_own_values(rows):
    x = cp.Input(6)
    h = cp.Dense(4, "tanh", members=3, initial="standardising")(x)
    net = Network(inputs=x, outputs=cp.Dense(2, members=3, initial="standardising")(h))
    trace = net.trace(net.initial(3, X=rows), rows, np.zeros((500, 2)))
    assert np.allclose(trace["z3"].std(axis=1), 1.0, rtol=1e-12)


@pytest.mark.parametrize("name", sorted(DATA_DRIVEN))
def test_data_driven_values_need_data_and_their_kind_of_parameter(name):
    role = {"standardising": "initial", "he_plus_5": "bias_initial"}[name]
    x = cp.Input(2)
    net = Network(inputs=x, outputs=cp.Dense(3, **{role: name})(x))
    with pytest.raises(
        SettingError, match=rf"{name} looks at data; pass X to initial\(seed, X=…\)"
    ):
        net.initial(0)
    with pytest.raises(SettingError, match="looks at data"):
        net.initial(0, X=np.zeros((0, 2)))
    for wrong in (cp.Scale(initial=name), cp.Embedding(2, initial=name)):
        given = cp.Input(levels=3) if isinstance(wrong, cp.Embedding) else cp.Input(2)
        odd = Network(inputs=given, outputs=wrong(given))
        data = np.array([0, 1, 2]) if isinstance(wrong, cp.Embedding) else np.ones((4, 2))
        with pytest.raises(SettingError, match=f"{name} is for"):
            odd.initial(0, X=data)


def test_a_shared_bias_has_no_kink_of_its_own():
    net = dense("normal", units=2, width=2, bias="shared", bias_initial="he_plus_5")
    with pytest.raises(SettingError, match="b1: he_plus_5 is for a bias of each unit"):
        net.initial(0, X=np.ones((4, 2)))


def test_orthogonal_is_for_matrices():
    x = cp.Input(3)
    net = Network(inputs=x, outputs=cp.Scale(initial="orthogonal")(x))
    with pytest.raises(SettingError, match="s1: orthogonal needs a matrix"):
        net.initial(0)


def test_one_parameter_may_be_asked_for():
    parameter = Network([2, 3, 1]).graph.parameters["W1"]
    assert np.array_equal(initial(parameter, 4), Network([2, 3, 1]).initial(4)["W1"])
