#!/usr/bin/env bash
# Checks everything there is to check: format, lints, documentation, tests, and a router at work.
#
# Runs from any folder, stops at the first failure and says which step it was. On Debian it installs what it misses
# (gcc, libc6-dev, curl, ca-certificates, python3-venv, mount, util-linux, faketime), and fetches promtool, Kamailio and SIPp
# without installing them, so that neither starts on this machine; what asks the API comes from PyPI, into a folder of its own.
# Rust itself must be there. A CARGO_TARGET_DIR from outside is used.
#
# What this machine cannot try is listed as SKIPPED at the end. Nothing has to be on Debian, for root and others.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}"
mkdir -p "$CARGO_TARGET_DIR"

work="$(mktemp -d)"
router=""
# Laws that could not be tried, a line each, written by the tests.
skipped="$work/skipped"
: >"$skipped"
steps=()
step="start"
began=$SECONDS

finish() {
  local status=$?
  if [[ -n "$router" ]]; then kill "$router" 2>/dev/null || true; fi
  local skips
  skips="$(wc -l <"$skipped")"
  echo
  echo "== summary"
  for line in ${steps[@]+"${steps[@]}"}; do echo "   $line"; done
  while IFS= read -r line; do echo "   SKIPPED  $line"; done <"$skipped"
  rm -rf "$work"
  if ((status == 0 && skips > 0)); then
    echo "== all checks that were made passed in $((SECONDS - began)) s; $skips WERE SKIPPED"
  elif ((status == 0)); then
    echo "== all checks passed in $((SECONDS - began)) s"
  else
    echo "== FAILED: $step (exit code $status)"
  fi
  exit "$status"
}
trap finish EXIT

run() {
  step="$1"
  shift
  local since=$SECONDS
  echo
  echo "== $step: $*"
  "$@"
  steps+=("passed   $step ($((SECONDS - since)) s)")
}

skip() {
  echo "$1: $2" >>"$skipped"
}

has() { command -v "$1" >/dev/null 2>&1; }

as_root() {
  if ((EUID == 0)); then "$@"; else sudo -n "$@"; fi
}

updated=""
update_packages() {
  [[ -n "$updated" ]] || { as_root apt-get update -qq && updated=yes; }
}

install() {
  update_packages && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

install_missing() {
  local missing=()
  has cc || missing+=(gcc)
  # Debian's gcc comes without the headers that SQLite, mimalloc and BLAKE3 are compiled with.
  echo '#include <stdlib.h>' | cc -E - >/dev/null 2>&1 || missing+=(libc6-dev)
  has curl || missing+=(curl)
  # Cargo trusts the certificates of the system.
  [[ -e /etc/ssl/certs/ca-certificates.crt || ! -e /etc/debian_version ]] || missing+=(ca-certificates)
  ((${#missing[@]})) || return 0
  if ! has apt-get; then
    echo "missing, and no apt-get to install it: ${missing[*]}" >&2
    return 1
  fi
  install "${missing[@]}"
}

# What only some laws need: without it they say that they were skipped.
install_wanted() {
  local wanted=()
  { has mount && has umount; } || wanted+=(mount)
  has unshare || wanted+=(util-linux)
  compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null || wanted+=(faketime)
  ((${#wanted[@]})) || return 0
  if ! has apt-get || ! install "${wanted[@]}"; then
    echo "could not be installed: ${wanted[*]}"
  fi
}

# Puts promtool where this run can use it; kept in the target folder for the next one.
find_promtool() {
  promtool="$(command -v promtool || true)"
  [[ -z "$promtool" ]] || return 0
  local tools="$CARGO_TARGET_DIR/tools"
  promtool="$tools/usr/bin/promtool"
  [[ ! -x "$promtool" ]] || return 0
  update_packages
  # Fetched as ourselves: apt's own user may not write here.
  (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root prometheus)
  mkdir -p "$tools"
  dpkg-deb -x "$work"/prometheus_*.deb "$tools"
  [[ -x "$promtool" ]]
}

# Puts Kamailio and SIPp where the laws find them, with the libraries they bring; kept in the target folder for the next run.
find_telephony() {
  telephony="$CARGO_TARGET_DIR/tools/telephony"
  if ! { has kamailio && has sipp; } && [[ ! -e "$telephony/bin/sipp" ]]; then
    update_packages
    local lib root="$telephony/root"
    mkdir -p "$work/debs/partial" "$root" "$telephony/bin"
    # All that they need and this machine lacks.
    as_root apt-get install --download-only -y -qq --no-install-recommends -o Dir::Cache::archives="$work/debs" -o APT::Sandbox::User=root \
      kamailio kamailio-utils-modules kamailio-json-modules sip-tester
    local package
    for package in "$work"/debs/*.deb; do dpkg-deb -x "$package" "$root"; done
    lib="$(dirname "$(dirname "$(find "$root" -path '*kamailio/modules/tm.so')")")"
    # What is installed is used as it is.
    has kamailio || printf '#!/bin/sh\nLD_LIBRARY_PATH=%q exec %q -L %q "$@"\n' "$(dirname "$lib"):$lib" "$root/usr/sbin/kamailio" \
      "$lib/modules" >"$telephony/bin/kamailio"
    has sipp || printf '#!/bin/sh\nLD_LIBRARY_PATH=%q exec %q "$@"\n' "$(dirname "$lib")" "$root/usr/bin/sipp" >"$telephony/bin/sipp"
    chmod +x "$telephony"/bin/*
  fi
  PATH="$telephony/bin:$PATH"
  kamailio -v | grep version:
  # It ends with 99 when it is asked for its version.
  { sipp -v || true; } | grep SIPp
}

# Programs that know OpenAPI, in an environment of their own that is kept in the target folder for the next run.
find_schemathesis() {
  local packages=(schemathesis==4.32.5 openapi-spec-validator==0.9.0) venv="$CARGO_TARGET_DIR/tools/python"
  python="$venv/bin/python"
  schemathesis="$venv/bin/schemathesis"
  if [[ ! -e "$venv/has-${packages[*]// /-}" ]]; then
    python3 -c 'import ensurepip, venv' 2>/dev/null || install python3-venv
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "${packages[@]}"
    touch "$venv/has-${packages[*]// /-}"
  fi
  "$schemathesis" --version
}

# What the document says against what the router does: no server error, and no answer that the document does not have.
check_api() {
  local key
  key="$(cat "$work/data/admin.key")"
  curl -sS --fail --max-time 10 "$management/openapi.json" >"$work/openapi.json"
  "$python" -m openapi_spec_validator "$work/openapi.json"
  local checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance
  local all=(run "$work/openapi.json" --header "x-api-key: $key" --checks "$checks" --max-examples 30
    --phases examples,coverage,fuzzing --continue-on-failure --warnings off --suppress-health-check all --no-color)
  (cd "$work" && "$schemathesis" "${all[@]}" --url "$management" --exclude-path-regex '^/v1/(calls|route)')
  (cd "$work" && "$schemathesis" "${all[@]}" --url "$calls" --include-path-regex '^/v1/(calls|route)')
}

need_rust() {
  if ! has cargo && [[ -r "$HOME/.cargo/env" ]]; then
    # shellcheck disable=SC1091
    source "$HOME/.cargo/env"
  fi
  cargo --version
  # A minimal toolchain comes without them.
  if has rustup && ! { cargo fmt --version && cargo clippy --version; } >/dev/null 2>&1; then
    rustup component add rustfmt clippy
  fi
  cargo fmt --version
  cargo clippy --version
}

documentation() {
  RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --locked --lib
}

start_router() {
  : >"$work/out"
  cargo build --locked --quiet --bin cordboard
  "$CARGO_TARGET_DIR/debug/cordboard" serve --config config --data "$work/data" \
    --calls 127.0.0.1:0 --admin 127.0.0.1:0 >"$work/out" 2>"$work/log" &
  router=$!
  local deadline=$((SECONDS + 20))
  until grep -q '^  management' "$work/out"; do
    if ! kill -0 "$router" 2>/dev/null || ((SECONDS > deadline)); then
      cat "$work/out" "$work/log"
      return 1
    fi
    sleep 0.1
  done
  cat "$work/out"
  # One line of its own each, so that no JSON tool is needed: "  calls       http://127.0.0.1:40123".
  calls="$(awk '$1 == "calls" { print $2 }' "$work/out")"
  management="$(awk '$1 == "management" { print $2 }' "$work/out")"
}

answer_a_call() {
  curl -sS --fail --max-time 10 -H 'content-type: application/json' "$calls/v1/calls" \
    -d '{"to": "+14155550101", "from": "+14155550199", "callId": "run-1"}'
  echo
}

check_metrics() {
  curl -sS --fail --max-time 10 "$management/metrics" >"$work/metrics"
  grep -q '^cordboard_calls_started_total{.*} 1$' "$work/metrics"
  "$promtool" check metrics <"$work/metrics"
  # The rules that the guide proposes, as people would copy them.
  sed -n '/^```yaml$/,/^```$/{/^```/!p}' docs/operators-guide.md >"$work/rules.yml"
  "$promtool" check rules "$work/rules.yml"
}

stop_router() {
  kill -TERM "$router"
  local status=0
  wait "$router" || status=$?
  router=""
  return "$status"
}

run "what is needed" install_missing
run "what is wanted" install_wanted
run "rust" need_rust
run "format" cargo fmt --check
run "format of the fuzz targets" cargo fmt --check --manifest-path tests/fuzz/Cargo.toml
run "lints" cargo clippy --all-targets --locked -- -D warnings
# The fuzz targets build the router so, on another toolchain.
run "lints of what is fuzzed" cargo clippy --lib --locked -- -D warnings --cfg fuzzing
run "documentation" documentation
if { has kamailio && has sipp; } || has apt-get; then
  run "Kamailio and SIPp" find_telephony
fi
run "tests" env LAWS_SKIPPED="$skipped" cargo test --locked
run "example configuration" cargo run --locked --quiet -- check config
run "start of the router" start_router
run "a call" answer_a_call
if has promtool || has apt-get; then
  run "promtool" find_promtool
  run "metrics" check_metrics
else
  skip "metrics" "there is no promtool, and no apt-get to fetch it"
fi
if has python3 || has apt-get; then
  run "schemathesis" find_schemathesis
  run "the API and its document" check_api
else
  skip "the API and its document" "there is no python3, and no apt-get to fetch it"
fi
run "stop of the router" stop_router
if has cargo-deny; then
  run "dependencies" cargo deny check
else
  skip "dependencies" "cargo-deny is not installed"
fi
