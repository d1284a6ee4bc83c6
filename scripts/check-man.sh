#!/bin/sh
# Checks the manual pages by mandoc, which must find nothing to say about them,
# matters of style included. Where mandoc is missing, root gets it by apt-get.
set -eu
# In their own directory mandoc also sees that the pages a page refers to exist.
cd "$(dirname "$0")/../man"

if ! command -v mandoc >/dev/null; then
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "error: mandoc is not installed" >&2
    echo "hint: apt-get install mandoc" >&2
    exit 3
  fi
  echo "check-man: installing mandoc" >&2
  install="apt-get install --yes --quiet --no-install-recommends mandoc"
  # The lists of a fresh container are empty or old.
  $install >/dev/null 2>&1 || { apt-get update --quiet >/dev/null && $install >/dev/null; }
fi

set -- *.1
status=0
findings=$(mandoc -T lint -W style "$@" 2>&1) || status=$?
# A clock that runs late is no fault of a page. Nothing else is let through.
findings=$(printf '%s\n' "$findings" | grep -v 'WARNING: date in the future, using it anyway' || true)
if [ -n "$findings" ]; then
  printf '%s\n' "$findings"
  echo "error: mandoc has something to say about the manual pages" >&2
  exit 1
fi
# 0: nothing; 1: style; 2: warnings. More is a failure, even a silent one.
if [ "$status" -gt 2 ]; then
  echo "error: mandoc ended with status $status" >&2
  exit 3
fi
echo "$# manual pages are clean"
