#!/bin/sh
# Installs the real servers and tools that the tests stand on (Debian, Ubuntu). Runs before `npm test`.
#
# Quick when everything is there. Never fails the test command: what cannot be installed is named, and the tests
# that need it skip by name. SEKISHO_INSTALL_PEERS=no only names what is missing.

set -u
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export PATH

# What proves that a peer is there (a command, or a file by its absolute path), and the packages that bring it.
# Exim, OpenSMTPD and Postfix exclude each other as packages, the package of CrowdSec registers with a service on the
# internet, and Valkey is in the backports of Debian 12: they are unpacked into the cache instead, see below.
peers='
nginx                                                nginx
apache2                                              apache2
redis-server                                         redis-server
nmap                                                 nmap
haproxy                                              haproxy
caddy                                                caddy
wrk                                                  wrk
curl                                                 curl
openssl                                              openssl
pebble                                               pebble
h2load                                               nghttp2-client
/usr/lib/python3/dist-packages/h2                    python3-h2
/usr/lib/python3/dist-packages/grpc                  python3-grpcio
fail2ban-regex                                       fail2ban
/usr/lib/python3/dist-packages/systemd               python3-systemd
/lib/systemd/systemd-journal-remote                  systemd-journal-remote
zstd                                                 zstd
postfix                                              postfix
swaks                                                swaks libnet-ssleay-perl
saslpasswd2                                          sasl2-bin libsasl2-modules
tinyproxy                                            tinyproxy-bin
squid                                                squid
microsocks                                           microsocks
privoxy                                              privoxy
varnishd                                             varnish
danted                                               dante-server
chromium                                             chromium
rsyslogd                                             rsyslog
/usr/share/doc/rsyslog-openssl                       rsyslog-openssl
goaccess                                             goaccess
/usr/lib/cgi-bin/awstats.pl                          awstats
promtool                                             prometheus
systemd-analyze                                      systemd
ip                                                   iproute2
zsh                                                  zsh
fish                                                 fish
mandoc                                               mandoc
nft                                                  nftables
faketime                                             faketime
/usr/lib/apache2/modules/mod_security2.so            libapache2-mod-security2
/usr/lib/nginx/modules/ngx_http_modsecurity_module.so libnginx-mod-http-modsecurity
/usr/share/modsecurity-crs/rules                     modsecurity-crs
'
cache="${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/sekisho-peers"
exim="$cache/exim/usr/sbin/exim4"
opensmtpd="$cache/opensmtpd/usr/sbin/smtpd"
crowdsec="$cache/crowdsec/usr/bin/crowdsec"
valkey="$cache/valkey/usr/bin/valkey-server"

is_there() {
  case "$1" in
    /*) [ -e "$1" ] ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
  esac
}

missing_packages() {
  echo "$peers" | while read -r proof packages; do
    [ -z "$proof" ] || is_there "$proof" || printf '%s ' "$packages"
  done
}

# The one with the PROXY protocol: not the light one, which an earlier version of this script unpacked.
exim_is_there() {
  for daemon in exim4 "$exim"; do
    "$daemon" -C /dev/null -bV 2>/dev/null | grep -q '^Support for:.* PROXY' && return
  done
  return 1
}

opensmtpd_is_there() {
  [ -x "$opensmtpd" ] && id opensmtpq >/dev/null 2>&1
}

crowdsec_is_there() {
  "$crowdsec" -version >/dev/null 2>&1
}

valkey_is_there() {
  for server in valkey-server "$valkey"; do
    "$server" --version >/dev/null 2>&1 && return
  done
  return 1
}

unpacked_missing() {
  exim_is_there || printf '(exim4-daemon-heavy) '
  opensmtpd_is_there || printf '(opensmtpd) '
  crowdsec_is_there || printf '(crowdsec) '
  valkey_is_there || printf '(valkey-server) '
}

# The older Nodes that the plugins run on, by npm: no root is needed.
for major in 22 24; do
  node="$cache/node$major/node_modules/node/bin/node"
  [ -x "$node" ] || [ "${SEKISHO_INSTALL_PEERS:-yes}" = no ] ||
    npm install --prefix "$cache/node$major" --prefer-offline --no-audit --no-fund "node@$major" >/dev/null 2>&1
  [ -x "$node" ] || echo "test peer missing, its tests will skip: node$major"
done

missing=$(missing_packages)
wanted="$missing$(unpacked_missing)"
[ -n "$wanted" ] || exit 0

if [ "${SEKISHO_INSTALL_PEERS:-yes}" = no ] || [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  if [ -n "$missing" ]; then
    echo "test peers missing, their tests will skip: ${wanted}- as root: apt-get install --no-install-recommends $missing"
  fi
  exit 0
fi

echo "installing test peers: $wanted"
DEBIAN_FRONTEND=noninteractive
NEEDRESTART_SUSPEND=1
export DEBIAN_FRONTEND NEEDRESTART_SUSPEND

# A package must neither start a server of its own (it would take ports 25, 80, 3128) nor restart one that runs:
# policy-rc.d says no to both while apt works. A guard that the machine already has is left as it is.
guard=/usr/sbin/policy-rc.d
if [ ! -e "$guard" ]; then
  trap 'rm -f "$guard"' EXIT
  trap 'exit 0' HUP INT TERM
  printf '#!/bin/sh\nexit 101\n' >"$guard"
  chmod 755 "$guard"
fi

log=$(mktemp)
apt() {
  apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@" </dev/null >>"$log" 2>&1
}
install() {
  apt install --no-install-recommends --no-upgrade "$@"
}

# The second choice is for a release that lacks one of the packages: then the others still come.
apt update
if [ -n "$missing" ]; then
  # shellcheck disable=SC2086
  install $missing || for package in $missing; do install "$package"; done
fi

# Only the daemon, its libraries, its base files and the user that is compiled into it: run as `exim4 -C FILE` it
# needs nothing under /etc.
if ! exim_is_there; then
  unpacked=$(mktemp -d)
  (
    cd "$unpacked" || exit 1
    apt download exim4-daemon-heavy exim4-base || exit 1
    libraries=$(dpkg-deb -f exim4-daemon-heavy_*.deb Depends | tr ',' '\n' | awk '{ print $1 }' | grep '^lib')
    # shellcheck disable=SC2086
    install $libraries
    id Debian-exim >>"$log" 2>&1 ||
      useradd --system --user-group --no-create-home --shell /usr/sbin/nologin Debian-exim >>"$log" 2>&1
    for deb in *.deb; do dpkg -x "$deb" root || exit 1; done
    root/usr/sbin/exim4 -C /dev/null -bV >>"$log" 2>&1 || exit 1
    mkdir -p "$cache" && rm -rf "$cache/exim" && mv root "$cache/exim"
  )
  rm -rf "$unpacked"
fi

# The daemon, its libraries, and the users and the folder that are compiled into it.
if ! opensmtpd_is_there; then
  unpacked=$(mktemp -d)
  (
    cd "$unpacked" || exit 1
    apt download opensmtpd || exit 1
    libraries=$(dpkg-deb -f opensmtpd_*.deb Depends | tr ',' '\n' | awk '{ print $1 }' | grep '^lib')
    # shellcheck disable=SC2086
    install $libraries
    for user in opensmtpd opensmtpq; do
      id "$user" >>"$log" 2>&1 ||
        useradd --system --user-group --no-create-home --home-dir /var/lib/opensmtpd/empty --shell /usr/sbin/nologin \
          "$user" >>"$log" 2>&1
    done
    mkdir -p /var/lib/opensmtpd/empty
    dpkg -x opensmtpd_*.deb root || exit 1
    mkdir -p "$cache" && rm -rf "$cache/opensmtpd" && mv root "$cache/opensmtpd"
  )
  rm -rf "$unpacked"
fi

# The programs, the grok patterns and the parsers that come with them.
if ! crowdsec_is_there; then
  unpacked=$(mktemp -d)
  (
    cd "$unpacked" || exit 1
    apt download crowdsec || exit 1
    libraries=$(dpkg-deb -f crowdsec_*.deb Depends | tr ',' '\n' | awk '{ print $1 }' | grep '^lib')
    # shellcheck disable=SC2086
    install $libraries
    dpkg -x crowdsec_*.deb root && rm -rf root/usr/lib/crowdsec/plugins || exit 1
    root/usr/bin/crowdsec -version >>"$log" 2>&1 || exit 1
    mkdir -p "$cache" && rm -rf "$cache/crowdsec" && mv root "$cache/crowdsec"
  )
  rm -rf "$unpacked"
fi

# Debian 12 has it in bookworm-backports alone, which is read here and not added to the machine's own list; later releases have
# it in main.
if ! valkey_is_there; then
  unpacked=$(mktemp -d)
  (
    cd "$unpacked" || exit 1
    mkdir -p lists/partial
    keys=/usr/share/keyrings/debian-archive-keyring.gpg
    backports="deb [signed-by=$keys] http://deb.debian.org/debian bookworm-backports main"
    fetch() {
      apt "$@" download valkey-server valkey-tools
    }
    if ! fetch; then
      grep -q '^VERSION_CODENAME=bookworm' /etc/os-release && echo "$backports" >backports.list || exit 1
      set -- -o "Dir::Etc::sourcelist=$PWD/backports.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$PWD/lists"
      apt "$@" update && fetch "$@" || exit 1
    fi
    libraries=$(dpkg-deb -f valkey-tools_*.deb Depends | tr ',' '\n' | awk '{ print $1 }' | grep '^lib')
    # shellcheck disable=SC2086
    install $libraries
    for deb in *.deb; do dpkg -x "$deb" root || exit 1; done
    root/usr/bin/valkey-server --version >>"$log" 2>&1 || exit 1
    mkdir -p "$cache" && rm -rf "$cache/valkey" && mv root "$cache/valkey"
  )
  rm -rf "$unpacked"
fi

missing="$(missing_packages)$(unpacked_missing)"
if [ -n "$missing" ]; then
  echo "test peers still missing, their tests will skip: $missing"
  tail -n 20 "$log"
fi
rm -f "$log"
exit 0
