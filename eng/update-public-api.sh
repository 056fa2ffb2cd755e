#!/usr/bin/env bash
# Rewrites src/*/PublicAPI.Unshipped.txt from what the compiler sees. Review the diff: a removed line is a breaking change.
set -euo pipefail
cd "$(dirname "$0")/.."
for project in Core Attacks Distillation Distributed; do
  file="src/Ardir.$project/PublicAPI.Unshipped.txt"
  printf '#nullable enable\n' > "$file"
  { dotnet build "src/Ardir.$project" --no-incremental -p:RunAnalyzers=true -p:TreatWarningsAsErrors=false 2>&1 || true; } \
    | sed -n "s/.*warning RS0016: Symbol '\(.*\)' is not part of the declared public API.*/\1/p" | LC_ALL=C sort -u > "$file.new"
  cat "$file.new" >> "$file"
  rm "$file.new"
  echo "$file: $(($(wc -l < "$file") - 1)) symbols"
done
