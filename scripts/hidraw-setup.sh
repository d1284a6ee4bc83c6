#!/bin/sh
# Gets what test/hidraw/ boots, into .interop/hidraw/:
#
#   kernel      Debian's kernel
#   base.cpio   the files of a machine around it: busybox, this Node, libfido2's
#               tools, the libraries of all these, and the kernel's HID modules
#
# The tools are installed by apt-get. The kernel is unpacked from its package,
# as one installed in a container would want to become the one that boots.
# What is there already is kept. Whatever is missing is an error: exit status 3.
set -eu

cd "$(dirname "$0")/.."
root=$PWD/.interop/hidraw
mkdir -p "$root"
exec </dev/null

modules="hid hid-generic uhid"
programs="/usr/bin/fido2-token /usr/bin/fido2-cred /usr/bin/fido2-assert"

say() {
  printf 'hidraw: %s\n' "$*" >&2
}

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 3
}

# No step may hang: bounded SECONDS COMMAND…
bounded() {
  seconds=$1
  shift
  timeout -k 10 "$seconds" "$@"
}

apt_is_updated=no

update_apt() {
  [ "$apt_is_updated" = no ] || return 0
  command -v apt-get >/dev/null || fail "there is no apt-get to get $* with"
  bounded 300 apt-get -q -o Acquire::Retries=3 -o Acquire::http::Timeout=30 update >&2 || fail "apt-get update failed"
  apt_is_updated=yes
}

setup_tools() {
  missing=
  for pair in /usr/bin/qemu-system-x86_64=qemu-system-x86 /usr/bin/cpio=cpio /usr/bin/xz=xz-utils /usr/bin/fido2-token=fido2-tools \
    /usr/lib/x86_64-linux-gnu/libusb-1.0.so.0=libusb-1.0-0 /usr/lib/x86_64-linux-gnu/libudev.so.1=libudev1; do
    [ -e "${pair%=*}" ] || missing="$missing ${pair#*=}"
  done
  # There is another package with a busybox that needs libraries.
  if [ ! -e /bin/busybox ] || ldd /bin/busybox >/dev/null 2>&1; then missing="$missing busybox-static"; fi
  [ -n "$missing" ] || return 0
  say "installing$missing by apt-get"
  update_apt "$missing"
  # shellcheck disable=SC2086 # a list of words
  DEBIAN_FRONTEND=noninteractive bounded 900 apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 \
    -o Acquire::Retries=3 -o Acquire::http::Timeout=30 install $missing >&2 || fail "apt-get install$missing failed"
}

setup_kernel() {
  [ ! -e "$root/kernel" ] || return 0
  update_apt linux-image-amd64
  package=$(apt-cache depends --important linux-image-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p' | head -n 1)
  [ -n "$package" ] || fail "apt-cache knows no linux-image-amd64"
  say "unpacking $package"
  rm -rf "$root/package"
  mkdir -p "$root/package"
  (
    cd "$root/package"
    bounded 600 apt-get -q -o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o APT::Sandbox::User=root download "$package" >&2 || fail "apt-get download $package failed"
    dpkg-deb --fsys-tarfile ./*.deb | tar -x --wildcards './boot/vmlinuz-*' '*/kernel/drivers/hid/*hid*' || fail "$package cannot be unpacked"
    for module in $modules; do
      file=$(find . -name "$module.ko*" | head -n 1)
      [ -n "$file" ] || fail "$package has no module $module"
      mv "$file" .
      case $file in *.xz) xz -d "$module.ko.xz" ;; esac
    done
  )
  mv "$root"/package/*.ko "$root/"
  mv "$root"/package/boot/vmlinuz-* "$root/kernel"
  rm -rf "$root/package"
}

# The libraries that files are linked with, and the loader.
libraries() {
  linked=$(ldd "$@") || fail "ldd $* failed"
  case $linked in *'not found'*) fail "libraries are missing: $linked" ;; esac
  printf '%s\n' "$linked" | sed -n 's/^.*=> \(\/[^ ]*\) .*$/\1/p; s/^[[:space:]]*\(\/[^ ]*\) .*$/\1/p' | sort -u
}

setup_base() {
  node=$(node -p process.execPath) || fail "there is no node"
  hid=node_modules/node-hid/prebuilds/HID_hidraw-linux-x64/node-napi-v4.node
  [ -e "$hid" ] || fail "$hid is not there; run npm ci first"
  # shellcheck disable=SC2086 # a list of words
  stamp=$({ cksum "$node" $hid $programs /bin/busybox "$root/kernel" scripts/hidraw-setup.sh; } | cksum)
  [ ! -e "$root/base.cpio" ] || [ "$stamp" != "$(cat "$root/base.stamp" 2>/dev/null)" ] || return 0
  say "packing the machine"
  # shellcheck disable=SC2086 # a list of words
  libraries=$(libraries "$node" $hid $programs)
  base=$root/base
  rm -rf "$base" "$root/base.stamp"
  mkdir -p "$base/bin" "$base/dev" "$base/proc" "$base/sys" "$base/tmp" "$base/etc" "$base/modules"
  chmod 1777 "$base/tmp"
  cp /bin/busybox "$base/bin/"
  cp -L "$node" "$base/bin/node"
  # shellcheck disable=SC2086 # a list of words
  cp -L $programs "$base/bin/"
  for module in $modules; do cp "$root/$module.ko" "$base/modules/"; done
  for library in $libraries; do
    mkdir -p "$base$(dirname "$library")"
    cp -L "$library" "$base$library"
  done
  printf 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' >"$base/etc/passwd"
  (cd "$base" && find . | cpio -o -H newc --quiet) >"$root/base.cpio"
  rm -rf "$base"
  printf '%s\n' "$stamp" >"$root/base.stamp"
}

[ "$(uname -sm)" = "Linux x86_64" ] || fail "this is $(uname -sm), expected Linux x86_64"
command -v timeout >/dev/null || fail "there is no timeout command, which is part of coreutils"
setup_tools
setup_kernel
setup_base
say "the machine is there"
