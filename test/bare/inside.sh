#!/usr/bin/env bash
# inside.sh <root|admin|plain> <demo|check|test|filter|pack>: what run.sh does in a root, as that user. Its exit code is 0 when the commands
# of the README do what they promise, and nothing is left behind.
# shellcheck source=/dev/null
. /in/env
user=$1 what=$2
home=/home/$user
[ "$user" != root ] || home=/root
cp -r /in/repo "$home/tapscope"
[ ! -e /in/shared ] || ln -s /in/shared "$home/shared"
chown -R "$user" "$home/tapscope"

run() { # run <sh text>: in the clone, as the user logs in
  local text=". /in/env; cd ~/tapscope && $1"
  if [ "$user" = root ]; then bash -c "$text"; else su -l "$user" -c "$text"; fi
}

# A user without sudo is told what root has to do: root does it, and the user tries again.
attempt() {
  local rc=0 hint
  run "$1" > /in/first.log 2>&1 || rc=$?
  cat /in/first.log
  if [ "$user" != plain ] || [ $rc = 0 ]; then return $rc; fi
  hint=$(sed -n 's/.*hint: as root: \(bash [^(]*\).*/\1/p' /in/first.log | head -n 1)
  [ -n "$hint" ] || return $rc
  echo "bare: root does as the hint says: $hint"
  bash -c "$hint" && run "$1"
}

# Everything tapscope has made or started, and that is still there.
left_behind() {
  ls /usr/sbin/policy-rc.d 2>/dev/null
  find /etc/systemd/system -name '*openvswitch*' -type l 2>/dev/null
  find /etc/rc?.d -name 'S*openvswitch*' 2>/dev/null
  ls -d /tmp/tapscope-*-* 2>/dev/null
  for process in /proc/[0-9]*; do
    grep -sE '^(ovs|tcpdump|dnsmasq|qemu)' "$process/comm"
  done
}

# shellcheck disable=SC2016 # the user's shell expands them
filter='
set -e
tapscope="node dist/cli/main.js"
$tapscope lab up
$tapscope --lab lab mirror create mega_tap0 mega_tap2 --filter icmp
$tapscope --lab lab capture mega_tap2 -w filtered.pcap --duration 6 &
sleep 2
$tapscope lab exec a ping -q -c 10 -i 0.2 10.0.0.2
$tapscope lab exec a sh -c "echo hello > /dev/udp/10.0.0.2/9" || $tapscope lab exec a bash -c "echo hello > /dev/udp/10.0.0.2/9"
wait $!
$tapscope flows filtered.pcap
test "$($tapscope flows --json filtered.pcap | grep -c "\"proto\":\"icmp\"")" -gt 0
test "$($tapscope flows --json filtered.pcap | grep -vc "\"proto\":\"icmp\"")" = 0
$tapscope lab down'
# shellcheck disable=SC2016
pack='
set -e
npm pack --silent
ls -l tapscope-*.tgz
npm install --global --prefix ~/installed ./tapscope-*.tgz
cd /
du -sh ~/installed
~/installed/bin/tapscope --version
~/installed/bin/tapscope lab up
~/installed/bin/tapscope lab exec a ping -c1 10.0.0.2
~/installed/bin/tapscope --lab lab mirror create mega_tap0 mega_tap2
~/installed/bin/tapscope --lab lab verify mega_tap2 --ping 10.0.0.2
~/installed/bin/tapscope lab down'

case $what in
  demo) attempt 'npm run demo' ;;
  check) attempt 'npm run check' ;;
  test) attempt 'npm test' ;;
  filter) attempt 'npm run demo' && run "$filter" ;;
  pack) attempt 'npm run demo' && run "$pack" ;;
esac
rc=$?
left=$(left_behind)
echo "bare: left behind: ${left:-nothing}"
[ $rc = 0 ] && [ -z "$left" ]
