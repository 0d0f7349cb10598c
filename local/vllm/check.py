"""Exits with an error unless this interpreter has vLLM, of the version given, with its kernels for this CPU."""

import sys
from importlib.metadata import version

import torch
from vllm.platforms import current_platform

# vLLM only warns when its kernels do not load, for want of libnuma for example, and fails much later.
current_platform.import_kernels()
if version("vllm") != sys.argv[1] or not current_platform.is_cpu():
    sys.exit(f"vLLM {version('vllm')} on {current_platform.device_name}, not {sys.argv[1]} on a CPU")
if not hasattr(torch.ops._C, "rms_norm"):
    sys.exit("vLLM's kernels for this CPU did not load; the warning above says why")
