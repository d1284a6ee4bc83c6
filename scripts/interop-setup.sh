#!/bin/sh
# Installs the programs written elsewhere that test/interop/ talks to, pinned,
# from their package registries, into .interop/:
#
#   .interop/venv/bin/python   pyglome and python-fido2, from PyPI
#   .interop/cargo/bin/glome   the Rust glome command, from crates.io
#   .interop/go/peer           test/interop/go over google/glome's Go packages
#
# What is there already is kept. Where the Go module proxy in use refuses to
# serve google/glome, its words go to .interop/go/unavailable, which the Go
# tests give as the reason for which they are skipped. Anything else that is
# missing is an error: exit status 3.
set -eu

crate_version=0.3.0
go_module=github.com/google/glome/go
go_version=v0.0.0-20260114145625-d680822f0a70

cd "$(dirname "$0")/.."
root=$PWD/.interop
mkdir -p "$root/go"
exec </dev/null

say() {
  printf 'interop: %s\n' "$*" >&2
}

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 3
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# No step may hang: bounded SECONDS COMMAND…
bounded() {
  seconds=$1
  shift
  timeout -k 10 "$seconds" "$@"
}

apt_is_updated=no

install_by_apt() {
  has apt-get || fail "$* missing, and there is no apt-get to install it with"
  say "installing $* by apt-get"
  if [ "$apt_is_updated" = no ]; then
    bounded 300 apt-get -q -o Acquire::Retries=3 -o Acquire::http::Timeout=30 update >&2 || fail "apt-get update failed"
    apt_is_updated=yes
  fi
  DEBIAN_FRONTEND=noninteractive bounded 900 apt-get -q -y --no-install-recommends \
    -o Acquire::Retries=3 -o Acquire::http::Timeout=30 install "$@" >&2 || fail "apt-get install $* failed"
}

# A Python without its ensurepip makes half an environment and then fails.
make_venv() {
  rm -rf "$root/venv"
  has python3 && bounded 120 python3 -m venv "$root/venv" >/dev/null 2>&1
}

setup_python() {
  wanted=test/interop/requirements.txt
  check='import fido2, pyglome'
  if cmp -s "$wanted" "$root/venv/requirements.txt" && "$root/venv/bin/python" -c "$check" 2>/dev/null; then
    say "pyglome and python-fido2 are there"
    return
  fi
  say "installing pyglome and python-fido2 from the Python package index"
  if ! make_venv; then
    install_by_apt python3 python3-venv
    make_venv || fail "python3 -m venv does not work"
  fi
  bounded 600 "$root/venv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check \
    --only-binary :all: --timeout 30 --retries 3 -r "$wanted" >&2 || fail "pyglome and python-fido2 cannot be installed"
  "$root/venv/bin/python" -c "$check" || fail "pyglome or python-fido2 does not work"
  cp "$wanted" "$root/venv/requirements.txt"
}

rust_glome_version() {
  "$root/cargo/bin/glome" --version 2>/dev/null || true
}

setup_rust_glome() {
  if [ "$(rust_glome_version)" = "glome $crate_version" ]; then
    say "the Rust glome is there"
    return
  fi
  has cargo || install_by_apt cargo
  say "building the Rust glome from the crate registry, which takes a minute"
  CARGO_TARGET_DIR=$root/cargo/target CARGO_HTTP_TIMEOUT=30 CARGO_NET_RETRY=3 bounded 1500 \
    cargo install glome --version "$crate_version" --locked --features cli --root "$root/cargo" --force --quiet >&2 ||
    fail "the crate glome $crate_version cannot be installed"
  rm -rf "$root/cargo/target"
  [ "$(rust_glome_version)" = "glome $crate_version" ] || fail "the crate glome $crate_version gave no working glome"
}

# Wants go.mod in the current directory. Without `direct`, Go asks only the
# registry and never the repository itself.
go_bounded() {
  seconds=$1
  shift
  GOPROXY=$(go env GOPROXY | sed 's/[,|]direct$//') GOWORK=off bounded "$seconds" go "$@"
}

is_refusal() {
  printf '%s\n' "$1" | grep -Eq ': (401|403|404|410|451) |: not found'
}

setup_go_peer() {
  module=$root/go/module
  if [ -x "$root/go/peer" ] && cmp -s test/interop/go/main.go "$module/main.go" && grep -q "$go_module $go_version" "$module/go.mod"; then
    say "the Go peer is there"
    return
  fi
  has go || install_by_apt golang-go
  say "building the Go peer, with google/glome from the Go module proxy"
  rm -rf "$module" "$root/go/peer" "$root/go/unavailable"
  mkdir -p "$module"
  cp test/interop/go/main.go "$module/"
  (
    cd "$module"
    go mod init keyhole-interop-peer 2>/dev/null || fail "go mod init failed"
    if ! answer=$(go_bounded 180 mod download "$go_module@$go_version" 2>&1); then
      is_refusal "$answer" || fail "the Go module $go_module cannot be had: $answer"
      reason=$(printf '%s' "$answer" | tr -s '\n\t' '  ')
      printf 'the Go module proxy does not serve %s: %s\n' "$go_module" "$reason" >"$root/go/unavailable"
      say "the Go tests will be skipped: $(cat "$root/go/unavailable")"
      exit 0
    fi
    go_bounded 300 get "$go_module@$go_version" >&2 || fail "the Go module $go_module cannot be added"
    go_bounded 600 build -mod=mod -o "$root/go/peer" . >&2 || fail "the Go peer cannot be built"
  )
}

has timeout || fail "there is no timeout command, which is part of coreutils"
setup_python
setup_rust_glome
setup_go_peer
