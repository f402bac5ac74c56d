#!/bin/sh
# Makes .venv with the pinned packages of constraints.txt; safe to run again.
#   EXTRAS=a,b    the optional dependency sets to install (default: dev)
#   PYTHON=...    the interpreter to build on (default: python3; 3.11 or newer)
#   TORCH_CUDA=1  take the registry's own torch (several GB) instead of the CPU build
set -eu
EXTRAS="${EXTRAS:-dev}"
PIN=$(sed -n 's/^torch==\([0-9.]*\).*/\1/p' constraints.txt)
PY=.venv/bin/python

"${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "Penchant needs Python 3.11 or newer; set PYTHON=/path/to/python3.11." >&2; exit 1; }
[ -x $PY ] || "${PYTHON:-python3}" -m venv .venv
if $PY -m pip install -q --disable-pip-version-check -c constraints.txt uv; then
  UV_FIND_LINKS="${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}}"; export UV_FIND_LINKS  # uv reads no pip settings
  # Compiled once here, or every first import of torch and transformers would compile them.
  add() { .venv/bin/uv pip install -q --compile-bytecode -p .venv -c constraints.txt "$@"; }
  cpu_index() { add --torch-backend=cpu "torch==$PIN"; }
else
  add() { $PY -m pip install -q --disable-pip-version-check -c constraints.txt "$@"; }
  cpu_index() { return 1; }
fi
have_torch() {
  $PY -c "import importlib.metadata as m, sys; sys.exit(m.version('torch').split('+')[0] != '$PIN')" 2>/dev/null
}
get_torch() {
  if have_torch; then return 0; fi
  if [ "$(uname -s)" != Linux ] || [ "${TORCH_CUDA:-0}" = 1 ]; then add "torch==$PIN"; return; fi
  if add "torch==$PIN+cpu" 2>/dev/null; then return 0; fi   # a CPU wheel pip was told of
  if cpu_index; then return 0; fi                           # PyTorch's own CPU index
  echo "No CPU build of torch $PIN found. TORCH_CUDA=1 takes the registry's build (several GB)." >&2
  exit 1
}
get_torch   # before anything that depends on it, or the CUDA build comes along
add -e ".[$EXTRAS]"
