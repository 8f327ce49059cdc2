"""Chapter 1: neural networks reviewed, on the spiral data."""
import warnings

try:        # the other chapters import this one for the sake of this sentence, and of the warning left out below
    import common.checks  # noqa: F401
except ModuleNotFoundError as error:
    raise ImportError(f'common: expected the one beside {__path__[0]}, got another package of that name ({error}): run '
                      'with python -m in the root of the checkout, or pip install -e . there, without the '
                      'other') from None

# A notebook may import a script, or another that imports it, and then run it: that does no harm.
warnings.filterwarnings('ignore', r"'ch0\d\.\w+' found in sys\.modules", RuntimeWarning, 'runpy')
