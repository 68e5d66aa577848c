#!/usr/bin/env python3
"""craft-fixtures.py OUT-DIRECTORY: frames no lab of ours can speak, made with scapy (Debian package python3-scapy).

Prints one line of JSON for each file: its name and what it holds. Called by record-fixtures.mjs.
"""
import json
import sys

from scapy.all import (
    GRE, ICMP, IP, TCP, UDP, Dot1AD, Dot1Q, Dot3, Ether, ICMPv6EchoReply, ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, LLC, PPP, PPPoE, Raw, SNAP, CookedLinux, wrpcap,
)
from scapy.contrib.gtp import GTP_U_Header
from scapy.contrib.igmp import IGMP
from scapy.contrib.mpls import MPLS
from scapy.layers.ipsec import AH, ESP
from scapy.layers.ntp import NTP
from scapy.layers.sctp import SCTP, SCTPChunkData, SCTPChunkInit

out = sys.argv[1]
mac_a, mac_b = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
a, b = "192.0.2.1", "192.0.2.2"
a6, b6 = "2001:db8::1", "2001:db8::2"


def both(layers, request, reply):
    """A request and its reply; layers(source, target) makes what is below them."""
    return [layers(0) / request, layers(1) / reply]


def eth(way, **more):
    return Ether(src=[mac_a, mac_b][way], dst=[mac_b, mac_a][way], **more)


def ip(way, x=a, y=b):
    return IP(src=[x, y][way], dst=[y, x][way])


def ip6(way, x=a6, y=b6):
    return IPv6(src=[x, y][way], dst=[y, x][way])


def ping():
    return ICMP(type=8, id=7, seq=1) / b"tapscope", ICMP(type=0, id=7, seq=1) / b"tapscope"


def ping6():
    return ICMPv6EchoRequest(id=7, seq=1, data=b"tapscope"), ICMPv6EchoReply(id=7, seq=1, data=b"tapscope")


def save(name, what, frames, **options):
    for index, frame in enumerate(frames):
        frame.time = 1700000000 + index / 1000
    wrpcap(f"{out}/{name}.pcap", frames, **options)
    print(json.dumps({"file": f"{name}.pcap", "what": what}))


sctp_init = SCTP(sport=36412, dport=36422, tag=0) / SCTPChunkInit(init_tag=5, a_rwnd=65535, n_out_streams=1, n_in_streams=1)
sctp_data = SCTP(sport=36422, dport=36412, tag=5) / SCTPChunkData(data=b"tapscope")
save("sctp", "SCTP: INIT one way, DATA the other", both(lambda w: eth(w) / ip(w), sctp_init, sctp_data))
save("mpls", "ping below two MPLS labels", both(
    lambda w: eth(w, type=0x8847) / MPLS(label=100, s=0) / MPLS(label=200, s=1) / ip(w), *ping()))
save("qinq", "ping below 802.1ad and 802.1Q tags", both(
    lambda w: eth(w) / Dot1AD(vlan=200) / Dot1Q(vlan=100) / ip(w), *ping()))
save("pbb", "ping below an 802.1ah backbone header", both(
    lambda w: eth(w, type=0x88E7) / Raw(b"\x00\x00\x12\x34") / eth(w) / ip(w), *ping()))
save("pppoe", "ping in a PPPoE session", both(
    lambda w: eth(w, type=0x8864) / PPPoE(sessionid=9) / PPP(proto=0x21) / ip(w), *ping()))
save("snap", "ping in IEEE 802.3 with LLC and SNAP", both(
    lambda w: Dot3(src=[mac_a, mac_b][w], dst=[mac_b, mac_a][w]) / LLC(dsap=0xAA, ssap=0xAA, ctrl=3)
    / SNAP(OUI=0, code=0x0800) / ip(w), *ping()))
save("gtpu", "ping in GTP-U", both(
    lambda w: eth(w) / ip(w) / UDP(sport=2152, dport=2152) / GTP_U_Header(teid=0x1234, gtp_type=255)
    / ip(w, "10.9.0.1", "10.9.0.2"), *ping()))
save("ipip", "ping in IPv4 in IPv4", both(lambda w: eth(w) / ip(w) / ip(w, "10.9.0.1", "10.9.0.2"), *ping()))
save("6in4", "ping in IPv6 in IPv4", both(lambda w: eth(w) / ip(w) / ip6(w), *ping6()))
save("4in6", "ping in IPv4 in IPv6", both(lambda w: eth(w) / ip6(w) / ip(w), *ping()))
save("teredo", "ping in Teredo", both(
    lambda w: eth(w) / ip(w) / UDP(sport=[50000, 3544][w], dport=[3544, 50000][w]) / ip6(w), *ping6()))
save("gre-key", "ping in GRE with key and checksum", both(
    lambda w: eth(w) / ip(w) / GRE(chksum_present=1, key_present=1, key=42) / ip(w, "10.9.0.1", "10.9.0.2"), *ping()))
save("ext-headers", "ping below IPv6 hop-by-hop and destination options and an atomic fragment header", both(
    lambda w: eth(w) / ip6(w) / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment(id=1), *ping6()))
save("ipsec", "AH around ping, and ESP", both(
    lambda w: eth(w) / ip(w) / AH(spi=1, seq=1, icv=b"\0" * 12, payloadlen=4), *ping())
    + [eth(0) / ip(0) / ESP(spi=2, seq=1, data=b"\0" * 40)])
save("igmp", "IGMPv2 report", [eth(0) / IP(src=a, dst="239.1.1.1", ttl=1) / IGMP(type=0x16, gaddr="239.1.1.1")])
save("udplite", "UDP-Lite", [eth(0) / IP(src=a, dst=b, proto=136) / Raw(UDP(sport=5000, dport=6000, len=8).build() + b"tapscope")])
save("ntp", "NTP, client and server", both(
    lambda w: eth(w) / ip(w) / UDP(sport=[50000, 123][w], dport=[123, 50000][w]), NTP(mode=3), NTP(mode=4, stratum=2)))
save("cooked", "ping, Linux cooked capture", both(
    lambda w: CookedLinux(pkttype=[0, 4][w], lladdrlen=6, src=mac_a.replace(":", "").encode()[:8], proto=0x0800) / ip(w), *ping()))
save("raw-ip", "ping and TCP SYN, without link layer", both(ip, *ping()) + [ip(0) / TCP(sport=40000, dport=80, flags="S")], linktype=101)
