#!/bin/sh
# A house of its own: a network with one cable, a name service, and a Homereel in it. Run inside
# `unshare --net --mount` by discovery.rs; says what others in the network see.
#
#   discovery.sh PROGRAM FOLDER
set -eu
program=$1
folder=$2
port=8096

# Whoever was started here ends with it.
started=
trap 'kill $started 2>/dev/null || true' EXIT

# A cable with two ends, and multicast through it.
ip link set lo up
ip link add house type veth peer name wall
ip link set wall up
ip link set house up
ip address add 192.168.77.5/24 dev house
ip route add 224.0.0.0/4 dev house

# Avahi and its message bus, away from those of the machine.
mount -t tmpfs none /run
mkdir -p /run/avahi-daemon
cat >"$folder/bus.conf" <<BUS
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
    <allow own="*"/><allow user="*"/>
  </policy>
</busconfig>
BUS
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/bus
dbus-daemon --config-file="$folder/bus.conf" --nofork 2>"$folder/bus.log" &
started="$started $!"
until [ -S /run/bus ]; do sleep 0.05; done
avahi-daemon --no-drop-root --no-chroot --no-rlimits >"$folder/avahi.log" 2>&1 &
started="$started $!"
until grep --quiet 'startup complete' "$folder/avahi.log"; do sleep 0.05; done

"$program" serve --data-dir "$folder/data" --listen "0.0.0.0:$port" --watch "$folder/drop" \
    >"$folder/server.log" 2>&1 &
server=$!
started="$started $server"

# Browsing ends when the service is there, not after a while.
timeout 30 sh -c 'until avahi-browse --parsable --resolve --terminate _homereel._tcp | grep "^=;house;IPv4"; do :; done'
timeout 10 avahi-browse --parsable --terminate _http._tcp | grep '^+;house;IPv4'
timeout 10 avahi-resolve --name -4 homereel.local

kill "$server"
wait "$server" || true
timeout 30 sh -c 'while avahi-browse --parsable --terminate _homereel._tcp | grep --quiet "^+"; do :; done'
echo gone
