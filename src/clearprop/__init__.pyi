# Written by tools/stubs.py from the table in __init__.py: do not edit.

from clearprop.backprop import plan as plan
from clearprop.checking import check_function as check_function
from clearprop.checking import check_gradient as check_gradient
from clearprop.derivation import Derivation as Derivation
from clearprop.derivation import Notation as Notation
from clearprop.derivation import derive as derive
from clearprop.errors import ClearPropError as ClearPropError
from clearprop.estimators import DecisionBoundaryDisplay as DecisionBoundaryDisplay
from clearprop.estimators import LossCurveDisplay as LossCurveDisplay
from clearprop.estimators import MLPClassifier as MLPClassifier
from clearprop.estimators import MLPRegressor as MLPRegressor
from clearprop.estimators import TableEncoder as TableEncoder
from clearprop.estimators import TabularClassifier as TabularClassifier
from clearprop.estimators import TabularRegressor as TabularRegressor
from clearprop.estimators import tune as tune
from clearprop.graph import Activation as Activation
from clearprop.graph import Dense as Dense
from clearprop.graph import Dropout as Dropout
from clearprop.graph import Embedding as Embedding
from clearprop.graph import Input as Input
from clearprop.graph import Scale as Scale
from clearprop.graph import concat as concat
from clearprop.model import Interrupted as Interrupted
from clearprop.model import InterruptedMany as InterruptedMany
from clearprop.model import Model as Model
from clearprop.model import load as load
from clearprop.model import train as train
from clearprop.model import train_many as train_many
from clearprop.model import train_table as train_table
from clearprop.network import Network as Network
from clearprop.network import Parameters as Parameters
from clearprop.operations import Cost as Cost
from clearprop.operations import Function as Function
from clearprop.operations import register as register
from clearprop.optimizers import Adam as Adam
from clearprop.optimizers import AdamW as AdamW
from clearprop.optimizers import Momentum as Momentum
from clearprop.optimizers import Nesterov as Nesterov
from clearprop.optimizers import RMSprop as RMSprop
from clearprop.optimizers import SGD as SGD
from clearprop.training import Training as Training

__version__: str
