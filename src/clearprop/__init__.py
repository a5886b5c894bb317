"""Feed-forward networks with nothing hidden.

Every public name is loaded when it is first used, so ``import clearprop`` costs next to nothing.
"""

import importlib

#: Each public name and the submodule it lives in. ``tools/stubs.py`` writes the typed stub from it.
_HOME = {
    "Activation": "graph",
    "Adam": "optimizers",
    "AdamW": "optimizers",
    "ClearPropError": "errors",
    "Cost": "operations",
    "DecisionBoundaryDisplay": "estimators",
    "Dense": "graph",
    "Derivation": "derivation",
    "Dropout": "graph",
    "Embedding": "graph",
    "Function": "operations",
    "Input": "graph",
    "Interrupted": "model",
    "InterruptedMany": "model.many",
    "LBFGS": "optimizers",
    "LearningCurveDisplay": "estimators",
    "LevenbergMarquardt": "optimizers",
    "Lion": "optimizers",
    "LossCurveDisplay": "estimators",
    "MLPClassifier": "estimators",
    "MLPRegressor": "estimators",
    "Model": "model",
    "Momentum": "optimizers",
    "Muon": "optimizers",
    "Nesterov": "optimizers",
    "Network": "network",
    "Notation": "derivation",
    "Parameters": "network",
    "RMSprop": "optimizers",
    "Rprop": "optimizers",
    "SGD": "optimizers",
    "Scale": "graph",
    "ScheduleFreeAdamW": "optimizers",
    "TableEncoder": "estimators",
    "TabularClassifier": "estimators",
    "TabularRegressor": "estimators",
    "Training": "training",
    "check_function": "checking",
    "check_gradient": "checking",
    "concat": "graph",
    "derive": "derivation",
    "load": "model.loading",
    "plan": "backprop",
    "register": "operations",
    "train": "model",
    "train_many": "model.many",
    "train_table": "estimators",
    "tune": "estimators",
}

__all__ = ["__version__", *_HOME]  # noqa: PLE0604  (the table is the list)
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    try:
        home = _HOME[name]
    except KeyError:
        raise AttributeError(f"module 'clearprop' has no attribute {name!r}") from None
    value: object = getattr(importlib.import_module(f"clearprop.{home}"), name)
    globals()[name] = value  # the next use does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
