#!/bin/sh
# Installs the programs written elsewhere that test/interop/ talks to, pinned,
# from their package registries, into .interop/:
#
#   .interop/venv/bin/python      pyglome and python-fido2, from PyPI
#   .interop/wormhole/bin/        magic-wormhole, its mailbox server, tahoe and
#                                 magic-folder, from PyPI
#   .interop/cargo/bin/glome      the Rust glome command, from crates.io
#   .interop/go/peer              test/interop/go over google/glome's Go packages
#   .interop/go/wormhole-william  the Go wormhole command
#
# and the PostgreSQL server, from Debian's packages, where there is none.
#
# What is there already is kept. Where the Go module proxy in use refuses to
# serve google/glome, its words go to .interop/go/unavailable, which the Go
# tests give as the reason for which they are skipped; where no way leads to
# wormhole-william, the reason is in .interop/go/wormhole-william-unavailable.
# Anything else that is missing is an error: exit status 3.
set -eu

crate_version=0.3.0
go_module=github.com/google/glome/go
go_version=v0.0.0-20260114145625-d680822f0a70
william_module=github.com/psanford/wormhole-william
william_version=v1.0.8
spake2_module=salsa.debian.org/vasudev/gospake2

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
  rm -rf "$1"
  has python3 && bounded 120 python3 -m venv "$1" >/dev/null 2>&1
}

# setup_python VENV REQUIREMENTS MODULES WHAT [WORDS FOR PIP…]
setup_python() {
  venv=$root/$1 wanted=$2 check="import $3" what=$4
  shift 4
  if cmp -s "$wanted" "$venv/requirements.txt" && "$venv/bin/python" -c "$check" 2>/dev/null; then
    say "$what are there"
    return
  fi
  say "installing $what from the Python package index"
  if ! make_venv "$venv"; then
    install_by_apt python3 python3-venv
    make_venv "$venv" || fail "python3 -m venv does not work"
  fi
  bounded 600 "$venv/bin/python" -m pip install --quiet --no-input --disable-pip-version-check \
    --only-binary :all: --timeout 30 --retries 3 "$@" -r "$wanted" >&2 || fail "$what cannot be installed"
  "$venv/bin/python" -W ignore -c "$check" || fail "one of $what does not work"
  cp "$wanted" "$venv/requirements.txt"
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

william_is_there() {
  [ "$("$root/go/wormhole-william" --version 2>/dev/null)" = "wormhole-william version $william_version" ]
}

# The one dependency of wormhole-william that not every module proxy serves.
debian_spake2() {
  source=/usr/share/gocode/src/$spake2_module
  [ -d "$source" ] || (install_by_apt golang-debian-vasudev-gospake2-dev) || return 1
  cp -R "$source" gospake2
  printf 'module %s\n\ngo 1.14\n\nrequire golang.org/x/crypto v0.0.0-20200622213623-75b288015ac9\n' "$spake2_module" >gospake2/go.mod
  go mod edit -replace "$spake2_module=./gospake2"
}

build_william() {
  go_bounded 600 build -o "$root/go/wormhole-william" "$william_module" 2>&1
}

setup_william() {
  if william_is_there; then
    say "wormhole-william is there"
    return
  fi
  has go || install_by_apt golang-go
  say "building wormhole-william from the Go module proxy"
  rm -rf "$root/go/william" "$root/go/wormhole-william" "$root/go/wormhole-william-unavailable"
  mkdir -p "$root/go/william"
  cp test/interop/william/* "$root/go/william/"
  (
    cd "$root/go/william"
    if ! answer=$(build_william); then
      is_refusal "$answer" || fail "wormhole-william cannot be built: $answer"
      say "the Go module proxy does not serve all of it; taking $spake2_module from Debian"
      if ! debian_spake2 || ! answer=$(build_william); then
        say "wormhole-william $william_version cannot be built: $answer"
        say "taking Debian's wormhole-william"
        if has wormhole-william || (install_by_apt wormhole-william); then
          ln -s "$(command -v wormhole-william)" "$root/go/wormhole-william"
        else
          printf 'neither the Go module proxy nor Debian serves wormhole-william\n' >"$root/go/wormhole-william-unavailable"
        fi
      fi
    fi
  )
}

setup_postgresql() {
  if [ -n "$(find /usr/lib/postgresql -name initdb 2>/dev/null)" ] || has initdb; then
    say "PostgreSQL is there"
    return
  fi
  install_by_apt postgresql
}

has timeout || fail "there is no timeout command, which is part of coreutils"
setup_python venv test/interop/requirements.txt "fido2, pyglome" "pyglome and python-fido2"
setup_python wormhole test/interop/requirements-wormhole.txt \
  "allmydata.scripts.runner, hypothesis, magic_folder.invite, pytest_twisted, wormhole.cli.cli, wormhole_mailbox_server, wormhole_transit_relay" \
  "magic-wormhole, tahoe and magic-folder" --no-deps
setup_rust_glome
setup_go_peer
setup_william
setup_postgresql
