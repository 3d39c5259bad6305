"""How busy is the live path of this process?"""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from data.live import registry
from data.live.answers import computed
from data.live.hub import running


def metrics() -> Iterator[Metric]:
    """For a collector of prometheus-client."""
    computations = CounterMetricFamily(
        "cityops_state_computations", "Calls of a page's state()", labels=["page"]
    )
    for page in registry.pages():
        computations.add_metric([page.name], computed[page.name])
    yield computations
    hub = running()
    yield GaugeMetricFamily("cityops_streams", "Streams that are kept", value=hub.streams if hub else 0)
    yield GaugeMetricFamily("cityops_viewers", "Browsers on a stream", value=hub.viewers if hub else 0)
