#!/usr/bin/env bash
# Installs Open MPI and MPICH from Debian's or Ubuntu's packages, which can lie side by side: the tests start several processes with both.
# Does nothing where both launchers are there. Needs root; with sudo where that is installed.
set -euo pipefail
missing=()
command -v mpirun.openmpi > /dev/null || missing+=(openmpi-bin)
command -v mpiexec.mpich > /dev/null || missing+=(mpich)
if [ ${#missing[@]} -eq 0 ]; then
  echo "Open MPI and MPICH are installed."
  exit 0
fi
if ! command -v apt-get > /dev/null; then
  echo "There is no apt-get here; install Open MPI and MPICH by other means." >&2
  exit 1
fi
root=()
if [ "$(id -u)" -ne 0 ]; then root=(sudo); fi
"${root[@]}" apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
