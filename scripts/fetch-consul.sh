#!/bin/sh
# Prints the path of a real Consul agent, fetching it where there is none yet: Debian's signed consul package (1.8.7),
# unpacked with dpkg -x into a cache outside the tree ($PLEXUS_CACHE, else ~/.cache/plexus). Nothing is installed, and the
# mirror is the one this machine's apt already uses. CONSUL_BIN overrides. Exits 3 with one clear line where it cannot be had.
#   scripts/fetch-consul.sh             about 5 s the first time
#   scripts/fetch-consul.sh --cached    never touches the network
set -eu

none() {
  echo "CONSUL NOT AVAILABLE: $1. Set CONSUL_BIN to a consul binary." >&2
  exit 3
}

if [ -n "${CONSUL_BIN:-}" ]; then
  [ -x "$CONSUL_BIN" ] || none "CONSUL_BIN is $CONSUL_BIN, which is not an executable file"
  echo "$CONSUL_BIN"
  exit 0
fi

cache=${PLEXUS_CACHE:-${HOME:?}/.cache/plexus}/consul
binary=$cache/root/usr/bin/consul
if [ ! -x "$binary" ] && command -v consul >/dev/null 2>&1; then
  command -v consul
  exit 0
fi

if [ ! -x "$binary" ]; then
  [ "${1:-}" != --cached ] || none "it was not fetched yet; scripts/fetch-consul.sh does it"
  command -v apt-get >/dev/null 2>&1 && command -v dpkg >/dev/null 2>&1 || none "this is no Debian-like system (apt-get and dpkg are needed to fetch it)"
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -r "$keyring" ] || none "$keyring is missing, so the package could not be verified"
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | sort -u | head -1)
  [ -n "$mirror" ] || none "apt knows no mirror"
  work=$cache/fetch.$$
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/lists/partial" "$work/archives/partial"
  echo "deb [signed-by=$keyring] $mirror bullseye main" >"$work/sources.list"
  apt() {
    apt-get -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$work/lists" \
      -o Dir::Cache="$work" -o APT::Sandbox::User="$(id -un)" -o Acquire::http::Timeout=20 -o Acquire::Retries=1 "$@"
  }
  (cd "$work" && apt -qq update && apt -qq download consul && dpkg -x consul_*.deb root) >"$work/log" 2>&1 ||
    none "fetching Debian's package failed: $(tail -1 "$work/log")"
  mkdir -p "$cache/root"
  rm -rf "$cache/root"
  mv "$work/root" "$cache/root"
fi
echo "$binary"
