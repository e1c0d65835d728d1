"""Prints the documents of a YAML file on standard input as one list of JSON. A key that is there twice is an error."""

import json
import sys

from ruamel.yaml import YAML

print(json.dumps(list(YAML(typ="safe", pure=True).load_all(sys.stdin)), default=str))
