#!/bin/sh
# Packs the package, installs it as `npm install --global` does, into a
# directory of its own, and sees that the command and its manual are in place.
set -eu
cd "$(dirname "$0")/.."

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT INT TERM

tarball=$(npm pack --silent --pack-destination "$directory")
npm install --silent --no-audit --no-fund --global --prefix "$directory/prefix" "$directory/$tarball"

version=$("$directory/prefix/bin/keyhole" --version)
expected="keyhole $(node -p 'require("./package.json").version')"
[ "$version" = "$expected" ] || { echo "error: installed command says \"$version\", expected \"$expected\"" >&2; exit 1; }

for page in man/*.1; do
  [ -r "$directory/prefix/share/man/man1/$(basename "$page")" ] || { echo "error: $page is not installed" >&2; exit 1; }
done

key=$directory/k
"$directory/prefix/bin/keyhole" genkey --out "$key"
"$directory/prefix/bin/keyhole" pubkey --key "$key" >/dev/null
"$directory/prefix/bin/keyhole" ctap make-credential --help >/dev/null
"$directory/prefix/bin/keyhole" ctap make-credential --device virtual: --rp-id example.com --user-name you --quiet >/dev/null
echo "package: $tarball installs, with its manual pages"
