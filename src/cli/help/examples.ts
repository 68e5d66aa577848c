/** What to type, a few lines a command: `--help`, the reference page and the manual pages show them; a test parses each. */
export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  "bridge list": ["tapscope bridge list"],
  "bridge create": ["tapscope bridge create br-exp"],
  "bridge destroy": ["tapscope bridge destroy br-exp"],
  "bridge config": [
    "tapscope bridge config br-exp fail_mode=secure",
    "tapscope bridge config br-exp other_config:hwaddr=02:00:00:00:00:01",
  ],
  "bridge trunk": ["tapscope bridge trunk mega_bridge eth1"],
  "bridge notrunk": ["tapscope bridge notrunk mega_bridge eth1"],
  "bridge tunnel": ["tapscope bridge tunnel vxlan mega_bridge 192.0.2.7 --key 42"],
  "bridge notunnel": ["tapscope bridge notunnel mega_bridge vxlan0"],
  "bridge macs": ["tapscope bridge macs mega_bridge"],
  "bridge ports": ["tapscope bridge ports mega_bridge"],
  "tap list": ["tapscope tap list", "tapscope tap list --json"],
  "tap create": [
    "tapscope tap create 100",
    "tapscope tap create 100 --ip 10.0.0.9/24",
    "tapscope tap create 0 --count 8",
  ],
  "tap attach": ["tapscope tap attach vnet0 --vlan 100"],
  "tap delete": ["tapscope tap delete mega_tap3", "tapscope tap delete all"],
  "mirror list": ["tapscope mirror list"],
  "mirror create": [
    "tapscope mirror create mega_tap0 mega_tap1 mega_tap2",
    "tapscope mirror create --all mega_tap2 --vlan 100",
    "tapscope mirror create vm:web --to gre:192.0.2.7:5 --for 10m",
  ],
  "mirror add": ["tapscope mirror add mega_tap2 mega_tap3 --direction in"],
  "mirror remove": ["tapscope mirror remove mega_tap2 mega_tap3"],
  "mirror delete": ["tapscope mirror delete mega_tap2", "tapscope mirror delete all"],
  "mirror ensure": ["tapscope mirror ensure mirrors.yaml", "tapscope mirror ensure mirrors.yaml --watch --prune"],
  "mirror export": ["tapscope mirror export > mirrors.yaml"],
  capture: [
    "tapscope capture mega_tap2 -w run.pcapng",
    "tapscope capture --mirror mega_tap0 -w run.pcap --filter 'tcp port 80' --duration 5m",
    "tapscope capture mega_tap2 -w - | tcpdump -r -",
  ],
  watch: [
    "tapscope watch mega_tap2",
    "tapscope watch --mirror mega_tap0 --filter icmp",
    "tapscope watch run.pcapng",
    "tcpdump -i eth0 -U -w - | tapscope watch -",
  ],
  info: ["tapscope info run.pcapng", "tapscope info --json *.pcap.gz"],
  verify: [
    "tapscope verify mega_tap2 --ping 10.0.0.2",
    "tapscope verify mega_tap2 --source mega_tap0 -- iperf3 -c 10.0.0.2 -t 5",
    "tapscope verify mega_tap2 --source mega_bridge --duration 30s --save run1",
  ],
  "bro extract": [
    "tapscope bro extract bro.qcow2 logs/",
    "tapscope bro extract --path /var/log --include '*.log' vm1.qcow2 vm2.qcow2 out/",
  ],
  "bro ls": ["tapscope bro ls bro.qcow2", "tapscope bro ls -r bro.qcow2 /bro"],
  "bro cat": ["tapscope bro cat bro.qcow2 conn.log"],
  "vm list": ["tapscope vm list"],
  "lab up": ["tapscope lab up", "tapscope lab up --name second", "tapscope lab up --vms"],
  "lab down": ["tapscope lab down", "tapscope lab down --name second"],
  "lab status": ["tapscope lab status"],
  "lab exec": ["tapscope lab exec a ping -c 3 10.0.0.2", "tapscope lab exec switch ovs-vsctl show"],
  extcap: ["tapscope extcap --install"],
  demo: ["tapscope demo", "tapscope demo --text --duration 10s"],
  doctor: ["tapscope doctor", "tapscope doctor --lab lab"],
  clean: ["tapscope clean", "tapscope clean --all --dry-run"],
  completion: [
    "source <(tapscope completion bash)",
    "tapscope completion fish > ~/.config/fish/completions/tapscope.fish",
  ],
};

/** The first five minutes, without root. */
export const FIRST_STEPS = `First five minutes, without root, on a switch of your own:
  tapscope lab up                                  a private Open vSwitch with hosts a and b
  tapscope mirror create mega_tap0 mega_tap2       copy what host a says and hears
  tapscope verify mega_tap2 --ping 10.0.0.2        does the mirror tell the truth?
  tapscope lab exec a ping 10.0.0.2 &
  tapscope watch mega_tap2                         live flows; q ends it
  tapscope lab down`;
