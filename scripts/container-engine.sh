#!/bin/sh
# A container engine with the compose plug-in, for tests. Uses the engine that runs where `docker info` answers; otherwise
# starts one by hand from Debian's signed packages, unpacked with dpkg -x into a cache outside the tree ($PLEXUS_CACHE, else
# ~/.cache/plexus): nothing is installed. Such an engine may be unable to pull, so the Dockerfile's base image is made with
# debootstrap, imported under its own name.
#
#   scripts/container-engine.sh up      prints shell exports (PATH, DOCKER_HOST, DOCKER_CONFIG); PLEXUS_ENGINE_STARTED=1
#                                       where this call started the engine
#   scripts/container-engine.sh down    stops the engine that `up` started; packages and images stay in the cache
#
# Exits 3 with one line in capitals where no engine can run. Needs root, apt-get, dpkg and a kernel with namespaces and overlay.
set -eu

base_image=node:20-trixie-slim
cache=${PLEXUS_CACHE:-${HOME:?}/.cache/plexus}/engine
state=${TMPDIR:-/tmp}/plexus-engine # short: a socket's path has 107 bytes
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
arch=$(dpkg --print-architecture 2>/dev/null || uname -m)

none() {
  echo "NO CONTAINER ENGINE: $1." >&2
  exit 3
}
say() { echo "container-engine: $*" >&2; }

apt_of() { # suite, then the arguments of apt-get
  lists=$cache/apt-$1
  shift
  apt-get -qq -o Dir::Etc::sourcelist="$lists/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$lists/lists" \
    -o Dir::Cache="$lists" -o APT::Sandbox::User=root -o Acquire::http::Timeout=20 -o Acquire::Retries=1 "$@"
}

unpacked() { # folder, suite, packages: unpacks them into the cache unless they are there
  target=$cache/$1 suite=$2
  shift 2
  [ -d "$target" ] && return
  say "fetching $* from $suite"
  lists=$cache/apt-$suite
  rm -rf "$target.debs" "$target.part"
  mkdir -p "$lists/lists/partial" "$lists/archives/partial" "$target.debs" "$target.part"
  echo "deb [signed-by=$keyring] $mirror $suite main" >"$lists/sources.list"
  (apt_of "$suite" update && cd "$target.debs" && apt_of "$suite" download "$@") >"$cache/apt.log" 2>&1 ||
    none "fetching $* failed: $(tail -1 "$cache/apt.log")"
  for deb in "$target.debs"/*.deb; do dpkg -x "$deb" "$target.part"; done
  rm -rf "$target.debs"
  mv "$target.part" "$target"
}

find_mirror() {
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | sort -u | head -1)
  [ -n "$mirror" ] || none "apt knows no mirror"
}

own() { # runs a command against our engine
  env PATH="$cache/bin:$PATH" DOCKER_HOST="unix://$state/docker.sock" DOCKER_CONFIG="$cache/config" "$@"
}

answers() { own docker info >/dev/null 2>&1; }

prepare() {
  [ "$(id -u)" = 0 ] || none "it must be started by root"
  command -v apt-get >/dev/null 2>&1 && command -v dpkg >/dev/null 2>&1 || none "docker does not answer and this is no Debian-like system to start one on"
  [ -r "$keyring" ] || none "$keyring is missing, so packages could not be verified"
  grep -q overlay /proc/filesystems || none "the kernel has no overlay file system"
  mkdir -p "$cache" "$state"
  if [ ! -d "$cache/engine" ] || [ ! -d "$cache/compose" ]; then
    find_mirror
    unpacked engine bookworm docker.io containerd runc tini debootstrap iptables libxtables12 libip4tc2 libip6tc2 libnftnl11 \
      libmnl0 libnfnetlink0 libnetfilter-conntrack3
    unpacked compose trixie docker-compose
  fi
  mkdir -p "$cache/bin" "$cache/config/cli-plugins"
  for tool in docker containerd containerd-shim-runc-v2 ctr; do ln -sf "$cache/engine/usr/bin/$tool" "$cache/bin/$tool"; done
  for tool in dockerd docker-proxy runc; do ln -sf "$cache/engine/usr/sbin/$tool" "$cache/bin/$tool"; done
  ln -sf "$cache/engine/usr/bin/tini-static" "$cache/bin/docker-init"
  # Without iptables containers do not find each other by name. It looks for its libraries where a package would put them.
  libraries=$(dirname "$(find "$cache/engine/usr/lib" -name 'libxtables.so.12' | head -1)")
  cat >"$cache/bin/iptables" <<WRAPPER
#!/bin/sh
LD_LIBRARY_PATH='$libraries' XTABLES_LIBDIR='$libraries/xtables' exec '$cache/engine/usr/sbin/xtables-legacy-multi' iptables "\$@"
WRAPPER
  chmod +x "$cache/bin/iptables"
  ln -sf "$cache/compose/usr/libexec/docker/cli-plugins/docker-compose" "$cache/config/cli-plugins/docker-compose"
}

start() {
  rm -f "$state/docker.pid"
  key=/etc/docker/key.json # written at every start, read by nothing since engines stopped signing images
  [ ! -e "$key" ] || key=
  # In the host's network, without touching its firewall: compose networks, their DNS and published ports work all the same;
  # containers have no way out, which only builds need (--network=host).
  PATH="$cache/bin:$PATH" setsid dockerd --data-root "$cache/data" --exec-root "$state/exec" --pidfile "$state/docker.pid" \
    --host "unix://$state/docker.sock" --bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
    --userland-proxy-path "$cache/bin/docker-proxy" --init-path "$cache/bin/docker-init" --log-level warn \
    >"$state/dockerd.log" 2>&1 </dev/null &
  pid=$!
  tries=0
  until answers; do
    tries=$((tries + 1))
    kill -0 "$pid" 2>/dev/null || none "dockerd ended at once: $(tail -1 "$state/dockerd.log")"
    [ "$tries" -lt 150 ] || none "dockerd did not answer in 30 s: $(tail -1 "$state/dockerd.log")"
    sleep 0.2
  done
  if [ -n "$key" ]; then
    rm -f "$key"
    rmdir "${key%/*}" 2>/dev/null || true
  fi
}

make_base() {
  own docker image inspect "$base_image" >/dev/null 2>&1 && return
  find_mirror
  say "making $base_image with debootstrap (about a minute, once)"
  rootfs=$cache/rootfs
  rm -rf "$rootfs"
  DEBOOTSTRAP_DIR=$cache/engine/usr/share/debootstrap sh "$cache/engine/usr/sbin/debootstrap" --variant=minbase --arch="$arch" \
    --keyring="$keyring" --include=nodejs,ca-certificates trixie "$rootfs" "$mirror" >"$cache/debootstrap.log" 2>&1 ||
    none "debootstrap failed: $(tail -1 "$cache/debootstrap.log")"
  # As in the official image: node and npm on the PATH, a user called node.
  npm=$(npm root -g 2>/dev/null)/npm
  [ -d "$npm" ] || none "npm is not installed globally here, so it cannot be copied into the base image"
  mkdir -p "$rootfs/usr/local/lib/node_modules"
  cp -R "$npm" "$rootfs/usr/local/lib/node_modules/npm"
  ln -s /usr/bin/node "$rootfs/usr/local/bin/node"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$rootfs/usr/local/bin/npm"
  ln -s ../lib/node_modules/npm/bin/npx-cli.js "$rootfs/usr/local/bin/npx"
  chroot "$rootfs" useradd --uid 1000 --create-home --shell /bin/bash node
  rm -rf "$rootfs/var/cache/apt" "$rootfs/var/lib/apt/lists"
  tar -C "$rootfs" -c . | own docker import --change 'CMD ["node"]' - "$base_image" >/dev/null
  rm -rf "$rootfs"
}

case "${1:-}" in
up)
  # An engine that already runs, ours or the machine's.
  if [ ! -S "$state/docker.sock" ] && docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; then
    exit 0
  fi
  prepare
  started=0
  if ! answers; then
    say "starting an engine"
    start
    started=1
  fi
  make_base
  echo "export PATH='$cache/bin:$PATH' DOCKER_HOST='unix://$state/docker.sock' DOCKER_CONFIG='$cache/config' PLEXUS_ENGINE_STARTED=$started"
  ;;
down)
  [ -r "$state/docker.pid" ] || exit 0
  pid=$(cat "$state/docker.pid")
  kill "$pid" 2>/dev/null || exit 0
  tries=0
  while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 150 ]; do
    tries=$((tries + 1))
    sleep 0.2
  done
  ;;
*)
  echo "usage: $0 up | down" >&2
  exit 2
  ;;
esac
