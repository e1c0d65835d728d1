"""Reads metrics as Prometheus does and prints them as JSON. The argument is the format: prometheus or openmetrics."""

import json
import sys

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

read = {"prometheus": parser, "openmetrics": openmetrics}[sys.argv[1]].text_string_to_metric_families
print(json.dumps([
    {
        "name": family.name,
        "type": family.type,
        "unit": family.unit,
        "help": family.documentation,
        "samples": [{"name": sample.name, "labels": sample.labels, "value": sample.value} for sample in family.samples],
    }
    for family in read(sys.stdin.read())
]))
