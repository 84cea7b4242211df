"""The conformance suite: a driver's author subclasses :class:`DriverConformance` in a test module and runs pytest.

::

    class TestMyDriver(DriverConformance):
        sleep_sql = "select pg_sleep(60)"

        @pytest.fixture
        def alveary_target(self, tmp_path):
            return f"mine:///{tmp_path}/test.db"

The driver must be installed, for the kernel finds it as it finds it anywhere: by its entry point. What the suite
proves is the contract of :mod:`alveary.contracts.driver`, ``values`` and ``catalog``; it needs nothing but pytest. A
test is skipped only where the driver does not declare the capability.
"""

from alveary.testing.conformance.cancelling import Cancelling
from alveary.testing.conformance.catalogs import Catalogs
from alveary.testing.conformance.connecting import Connecting
from alveary.testing.conformance.copying import Copying
from alveary.testing.conformance.cursors import Cursors
from alveary.testing.conformance.explaining import Explaining
from alveary.testing.conformance.loading import Loading
from alveary.testing.conformance.statements import Statements
from alveary.testing.conformance.transactions import ReadOnly, Transactions
from alveary.testing.conformance.values import Values

__all__ = ["DriverConformance"]


class DriverConformance(
    Connecting, Statements, Values, Loading, Copying, Transactions, ReadOnly, Cancelling, Catalogs, Cursors, Explaining
):
    """All that every driver must be able to do; see the attributes and fixtures of ``Conformance`` for what to set."""
